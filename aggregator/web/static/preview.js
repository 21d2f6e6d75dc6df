// @ts-check
// The current row beside the list. The last one asked for wins; until it is there the one before stays.
import { fragment, say } from "./dom.js";
import { current } from "./rows.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const SETTLE = 60; // milliseconds that a row stays current before it is fetched
const SLOW = 200;
const KEPT = 30;

const pane = /** @type {HTMLElement} */ (document.getElementById("preview"));
/** Wide enough for it: a click on a row shows it here, a second one opens it. */
export const wide = matchMedia("(min-width: 1100px)");
const hint = [...pane.childNodes];
/** HTML by id and version. @type {Map<string, string>} */
const known = new Map();
let wanted = ""; // the inquiry that is to be shown
let settling = 0;
let slow = 0;
/** @type {AbortController | null} */
let asking = null;

const shown = () => /** @type {HTMLElement | null} */ (pane.querySelector("article"));

/**
 * @param {HTMLLIElement} row
 * @param {{changed?: boolean, mine?: boolean}} [how] changed: by others, so what is being read stays; mine: I did it
 */
export function showPreview(row, { changed = false, mine = false } = {}) {
  if (!wide.matches || row.getAttribute("aria-current") !== "true") return;
  const { id, ver } = row.dataset;
  wanted = id;
  const now = shown();
  if (now?.dataset.id === id && now.dataset.ver === ver) return;
  if (changed && now?.dataset.id === id) {
    offerChange(row);
    return;
  }
  clearTimeout(settling);
  asking?.abort();
  const html = known.get(`${id}/${ver}`);
  if (html) paint(html, id);
  else settling = setTimeout(() => load(id, ver), mine ? 0 : SETTLE);
}

/** An inquiry that a pasted address names, and the view does not show. @param {string} id */
export function showAlone(id) {
  wanted = id;
  if (wide.matches) load(id, "");
}

/** @param {string} id @param {string} ver */
async function load(id, ver) {
  asking = new AbortController();
  clearTimeout(slow);
  slow = setTimeout(() => pane.classList.add("loading"), SLOW);
  try {
    const answer = await fetchPart(`/inquiry/${id}/preview`, { signal: asking.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (wanted !== id) return;
    if (ver) known.set(`${id}/${ver}`, html);
    if (known.size > KEPT) known.delete(known.keys().next().value);
    paint(html, id);
  } catch (error) {
    if (/** @type {Error} */ (error).name !== "AbortError" && wanted === id) pane.replaceChildren(failed(id, ver));
  } finally {
    clearTimeout(slow);
    pane.classList.remove("loading");
  }
}

/** @param {string} id @param {string} ver */
function failed(id, ver) {
  const told = Object.assign(document.createElement("p"), { className: "hint", textContent: `${say("preview_failed")} ` });
  const again = Object.assign(document.createElement("button"), { type: "button", textContent: say("try_again") });
  again.addEventListener("click", () => load(id, ver));
  told.append(again);
  return told;
}

/** @param {string} html @param {string} id */
function paint(html, id) {
  const same = shown()?.dataset.id === id;
  const top = pane.scrollTop;
  const fresh = fragment(html);
  paintTimes(fresh);
  const focused = pane.contains(document.activeElement);
  pane.replaceChildren(fresh);
  // What had the focus is gone. Another button in its place would be pressed by an Enter that is meant for the row.
  if (focused) pane.focus({ preventScroll: true });
  pane.scrollTop = same ? top : 0;
  pane.dispatchEvent(new CustomEvent("previewed", { bubbles: true, detail: id }));
}

/** Somebody else changed it: a word and a button, and nothing moves. @param {HTMLLIElement} row */
function offerChange(row) {
  if (pane.querySelector(".changed-here")) return;
  const bar = Object.assign(document.createElement("p"), { className: "strip changed-here" });
  bar.setAttribute("role", "status");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("show") });
  button.addEventListener("click", () => load(row.dataset.id, row.dataset.ver));
  bar.append(`${say("changed_here")} `, button);
  pane.append(bar);
}

export function closePreview() {
  wanted = "";
  clearTimeout(settling);
  asking?.abort();
  pane.replaceChildren(...hint);
  pane.dispatchEvent(new CustomEvent("previewed", { bubbles: true, detail: "" }));
}

export function startPreview() {
  wide.addEventListener("change", () => {
    const row = current();
    if (wide.matches && row) showPreview(row);
  });
}
