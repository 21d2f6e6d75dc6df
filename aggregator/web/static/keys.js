// @ts-check
// Single keys. Dead where people type, and true under Chinese input methods.
import { page } from "./dom.js";

/** @type {Record<string, string>} */
const SHIFTED = { Slash: "?", Period: ">", Comma: "<" };
/** @type {Record<string, string>} */
const PLAIN = { Slash: "/", Period: ".", Comma: ",", BracketLeft: "[", BracketRight: "]" };

/**
 * What was pressed: `c`, `Shift+c`, `?`, `Enter`. An input method that is on gives "Process" or full-width signs:
 * then the place of the key tells.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  let key = event.key;
  if (key === "Process" || key === "Unidentified" || (key.length === 1 && key.charCodeAt(0) > 126)) {
    const letter = /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
    key = letter ?? (event.shiftKey ? SHIFTED : PLAIN)[event.code] ?? event.code;
  }
  if (/^[a-z]$/i.test(key)) return (event.shiftKey ? "Shift+" : "") + key.toLowerCase(); // Caps Lock does not count
  return key;
}

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
}

/**
 * @param {Record<string, (event: KeyboardEvent) => void>} bindings `"g f"` is g, then f
 */
export function bindKeys(bindings) {
  let prefix = "";
  let forget = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229) /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    if (!page.shortcuts && event.key !== "Escape") return;
    const key = keyOf(event);
    if (key === "Enter" && event.target instanceof Element && event.target.closest("a, button, summary")) return;
    clearTimeout(forget);
    const run = bindings[prefix + key];
    prefix = !run && key === "g" ? "g " : "";
    if (prefix) forget = setTimeout(() => (prefix = ""), 1500);
    if (!run) return;
    event.preventDefault();
    run(event);
  });
}
