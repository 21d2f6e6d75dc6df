// @ts-check
// Snippets by keyboard: "/" at the beginning of a line, or the button; type to search, arrows, Enter, Esc.
import { say } from "./dom.js";
import { field, insert } from "./inserting.js";
import { fetchPart } from "./session.js";

const SLASHES = new Set(["/", "、", "／"]); // what the key gives under Chinese input methods, too
const SHOWN = 60;

/** @typedef {{key: string, name: string, text: string, lang: string, whose: string, words: string}} Text */
/** @type {Text[]} */
let texts = [];
/** @type {Text[]} */
let found = [];
let chosen = 0;
/** @type {{from: number, to: number} | null} where the "/" stands that opened it */
let slash = null;
let without = ""; // what is said while there are none at all

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const words = () => /** @type {HTMLInputElement} */ (part("pick-words"));
const isOpen = () => part("picker") && !part("picker").hidden;

/** As the server searches: NFKC, small letters. @param {string} text */
const plain = (text) => text.normalize("NFKC").toLowerCase();

/** Fetch them as they are now; if that cannot be, those from before stay. */
async function load() {
  without = "loading";
  show();
  const answer = await fetchPart(`/inquiry/${part("inquiry").dataset.id}/texts`, { headers: { accept: "application/json" } }).catch(() => null);
  const told = answer?.ok ? await answer.json().catch(() => null) : null;
  without = told ? "snippet_none" : "preview_failed";
  if (told) texts = told.texts.map((/** @type {Text} */ each) => ({ ...each, words: plain(`${each.name}\n${each.text}`) }));
}

/** @param {string} [key] of the one that stays chosen, if it is there */
function show(key) {
  const wanted = plain(words().value).split(/\s+/).filter(Boolean);
  found = texts.filter((each) => wanted.every((word) => each.words.includes(word))).slice(0, SHOWN);
  chosen = Math.max(0, found.findIndex((each) => each.key === key));
  part("pick-list").replaceChildren(
    ...found.map((each, number) => {
      const item = Object.assign(document.createElement("li"), { id: `pick-${number}` });
      item.setAttribute("role", "option");
      const name = Object.assign(document.createElement("b"), { textContent: each.name });
      const whose = Object.assign(document.createElement("span"), { className: "note", textContent: each.whose });
      const text = Object.assign(document.createElement("span"), { className: "words", lang: each.lang, textContent: each.text });
      item.append(name, " ", whose, text);
      item.addEventListener("mousedown", (event) => event.preventDefault());
      item.addEventListener("click", () => put(number));
      return item;
    }),
  );
  part("pick-count").textContent = found.length ? say("snippet_count", { n: found.length }) : say(texts.length ? "snippet_none" : without);
  mark();
}

function mark() {
  for (const [number, item] of [...part("pick-list").children].entries()) {
    item.setAttribute("aria-selected", String(number === chosen));
    if (number === chosen) item.scrollIntoView({ block: "nearest" });
  }
  if (found.length) words().setAttribute("aria-activedescendant", `pick-${chosen}`);
  else words().removeAttribute("aria-activedescendant");
}

/** @param {number} number */
function put(number) {
  const text = found[number];
  if (!text) return;
  const where = slash ?? {};
  close();
  insert(text.text, where);
}

/** @param {{from: number, to: number} | null} at */
export async function open(at = null) {
  if (!part("picker") || !field()) return;
  slash = at;
  part("picker").hidden = false;
  part("pick").setAttribute("aria-expanded", "true");
  words().value = "";
  words().focus();
  await load();
  if (isOpen()) show(found[chosen]?.key);
}

function close() {
  part("picker").hidden = true;
  part("pick").setAttribute("aria-expanded", "false");
  slash = null;
}

/** @param {KeyboardEvent} event */
function key(event) {
  if (event.isComposing || event.keyCode === 229) return;
  const last = found.length - 1;
  const to = { ArrowDown: chosen === last ? 0 : chosen + 1, ArrowUp: chosen === 0 ? last : chosen - 1 }[event.key];
  if (to !== undefined) {
    chosen = Math.max(0, to);
    mark();
  } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) put(chosen);
  else if (event.key === "Escape") {
    close();
    field().focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** A slash that was just typed at the beginning of a line. @param {InputEvent} event */
function typed(event) {
  const box = field();
  if (event.target !== box || event.isComposing || !event.inputType?.startsWith("insert")) return;
  const at = box.selectionStart;
  if (!SLASHES.has(box.value[at - 1]) || !["", "\n"].includes(box.value[at - 2] ?? "")) return;
  if (event.data !== null && !SLASHES.has(event.data.at(-1))) return; // something else was typed, after an old one
  open({ from: at - 1, to: at });
}

/** What needs a script is shown. */
export function wirePicker() {
  part("pick")?.removeAttribute("hidden");
}

export function startPicker() {
  wirePicker();
  document.addEventListener("input", (event) => {
    if (event.target === field()) typed(/** @type {InputEvent} */ (event));
    else if (/** @type {Element} */ (event.target).id === "pick-words") show();
  });
  // An input method ends with this, and then the letter is there.
  document.addEventListener("compositionend", (event) => {
    const box = field();
    if (event.target !== box) return;
    const at = box.selectionStart;
    if (event.data && SLASHES.has(event.data) && ["", "\n"].includes(box.value[at - 2] ?? "")) open({ from: at - 1, to: at });
  });
  document.addEventListener("keydown", (event) => {
    if (/** @type {Element} */ (event.target).id === "pick-words") key(event);
  });
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("#pick")) {
      if (isOpen()) close();
      else open();
    }
  });
}
