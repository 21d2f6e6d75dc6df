// @ts-check
// The page of keys: a key is pressed, not spelled, and who has it already is told at once. The server checks again.
import { say } from "./dom.js";
import { KEYS, keyOf } from "./keys.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("remap"));
const LEAVE = new Set(["Tab", "Enter", "Escape", "Shift", "Control", "Alt", "Meta", "CapsLock", " "]);

/** @param {string} name */
const field = (name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(`key-${name}`));
/** @param {string} name */
const off = (name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(`off-${name}`));

/** What does it by what the form says now. @param {import("./keys.js").Key} key @returns {string[]} */
function bound(key) {
  if (key.fixed || !field(key.name)) return key.keys;
  if (off(key.name).checked) return [];
  return field(key.name).value ? [field(key.name).value] : key.keys;
}

function check() {
  for (const key of KEYS) {
    const input = field(key.name);
    if (!input) continue;
    const mine = off(key.name).checked ? "" : input.value;
    const other = mine && KEYS.find((one) => one !== key && bound(one).includes(mine));
    const told = mine === "g" ? say("remap_prefix") : other ? say("remap_taken", { key: mine, other: say(`key_${other.name}`) }) : "";
    if (told) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const line = document.getElementById(`wrong-${key.name}`);
    if (line.textContent !== told) line.textContent = told;
  }
}

let after = ""; // "g": the next key belongs to it
form.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!(input instanceof HTMLInputElement) || !input.name.startsWith("key-")) return;
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey || LEAVE.has(event.key)) return;
  event.preventDefault();
  if (event.key === "Backspace" || event.key === "Delete") input.value = "";
  else {
    const key = keyOf(event);
    input.value = after ? `g ${key}` : key;
    after = !after && key === "g" ? "g" : "";
    off(input.name.slice(4)).checked = false;
  }
  check();
});
form.addEventListener("focusout", () => (after = ""));
form.addEventListener("input", check);
form.addEventListener("change", check);
