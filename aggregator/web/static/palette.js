// @ts-check
// All actions of this page with their keys: as a list to read (`?`), and as one to search and run (Ctrl/Cmd+K).
import { leave, say } from "./dom.js";
import { keysOf, offered, written } from "./keys.js";

const help = /** @type {HTMLDialogElement} */ (document.getElementById("help"));
const palette = /** @type {HTMLDialogElement} */ (document.getElementById("palette"));
const field = /** @type {HTMLInputElement} */ (document.getElementById("palette-search"));
const options = /** @type {HTMLUListElement} */ (document.getElementById("palette-list"));
/** @type {(() => void)[]} */
let runs = [];
let at = 0;

/** @param {string} text */
const kbd = (text) => Object.assign(document.createElement("kbd"), { textContent: written(text) });

export function showHelp() {
  const lines = offered()
    .filter(([key]) => keysOf(key).length)
    .map(([key]) => {
      const line = document.createElement("div");
      const keys = document.createElement("dt");
      for (const one of keysOf(key)) keys.append(kbd(one), " ");
      line.append(keys, Object.assign(document.createElement("dd"), { textContent: say(`key_${key.name}`) }));
      return line;
    });
  help.querySelector(".keys").replaceChildren(...lines);
  help.showModal();
}

export function showPalette() {
  if (document.querySelector("dialog[open]")) return;
  field.value = "";
  find();
  palette.showModal();
  field.focus();
}

/** Words in any order, of the label or the name. @param {string} label @param {string} name */
function fits(label, name) {
  const words = field.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => `${label} ${name}`.toLowerCase().includes(word));
}

function find() {
  runs = [];
  options.replaceChildren();
  for (const [key, run] of offered()) {
    const label = say(`key_${key.name}`);
    if (key.name === "palette" || !fits(label, key.name)) continue;
    const keys = document.createElement("span");
    for (const one of keysOf(key)) keys.append(kbd(one), " ");
    add(key.name, label, run).append(keys);
  }
  const words = field.value.trim();
  if (!runs.length && words) add("search-for", say("search_for", { words }), () => leave(`/?${new URLSearchParams({ q: words })}`));
  choose(0);
}

/** One more to choose. @param {string} name @param {string} label @param {() => void} run @returns {HTMLElement} */
function add(name, label, run) {
  const option = Object.assign(document.createElement("li"), { id: `palette-${name}`, textContent: label });
  option.setAttribute("role", "option");
  const number = runs.push(run) - 1;
  option.addEventListener("click", () => start(number));
  options.append(option);
  return option;
}

/** @param {number} number */
function choose(number) {
  at = runs.length ? (number + runs.length) % runs.length : -1;
  [...options.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
  const option = options.children[at];
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

/** @param {number} number */
function start(number) {
  const run = runs[number];
  palette.close();
  run?.();
}

field.addEventListener("input", find);
field.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return; // Enter there chooses a Chinese word
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) choose(at + step);
  else if (event.key === "Enter") start(at);
  else return;
  event.preventDefault();
});
palette.addEventListener("click", (event) => event.target === palette && palette.close());
