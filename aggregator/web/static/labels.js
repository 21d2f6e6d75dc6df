// @ts-check
// Buttons show the keys that this person chose. Pages are rendered with the usual ones; only who remaps pays for this.
import { page } from "./dom.js";
import { KEYS, keysOf, written } from "./keys.js";

const ELSEWHERE = "dialog, #composer, .picker, form.ask";

/** The usual key as it is written -> the action. @type {Map<string, import("./keys.js").Key>} */
const usual = new Map();
for (const key of KEYS) if (!key.fixed) for (const one of key.keys) usual.set(one, key);

/** @param {Element} kbd */
function relabel(kbd) {
  if (kbd.closest(ELSEWHERE) || kbd.hasAttribute("data-said")) return;
  const key = usual.get(kbd.textContent);
  kbd.setAttribute("data-said", "");
  if (!key || keysOf(key) === key.keys) return;
  const [first] = keysOf(key);
  if (first) kbd.textContent = written(first);
  else /** @type {HTMLElement} */ (kbd).hidden = true;
}

export function startLabels() {
  if (!page.keys) return;
  document.querySelectorAll("kbd").forEach(relabel);
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node instanceof Element) (node.matches("kbd") ? [node] : node.querySelectorAll("kbd")).forEach(relabel);
  }).observe(document.body, { childList: true, subtree: true });
}
