// @ts-check
// The feed's list as it lives: what arrives, what leaves, and what I do with its rows. Nothing under the eyes moves by
// itself; rows are known by their id, never by their place.
import { act as post, actOnMany, ask, askForMany, DEEDS, showRecent, startDoings, undo as takeBack } from "./doings.js";
import { fragment, leave, page, say } from "./dom.js";
import { tellIfEmpty } from "./emptied.js";
import { noteCurrent, savePlace, startPaging } from "./paging.js";
import { chosen, clearPicks, picked, startPicking } from "./picking.js";
import { closePreview, showPreview, startPreview } from "./preview.js";
import { asked, atTop, current, firstSeen, inView, keepPlace, list, mustAsk, place, rank, repaint, risen, rowOf, rows, standing, view, viewUrl } from "./rows.js";
import { fetchPart } from "./session.js";

export { current } from "./rows.js";

const READ_AFTER = 1000;
const COLLAPSE_AFTER = 150;
const ANNOUNCE_EVERY = 10000;

const pill = /** @type {HTMLButtonElement} */ (document.getElementById("pill"));
/** @type {Map<string, import("./rows.js").Change>} */
const waiting = new Map();
let reading = 0;
let announced = 0;
let announcing = 0;

/** @param {HTMLLIElement | null} row @param {{focus?: boolean}} [how] */
export function setCurrent(row, { focus = true } = {}) {
  const before = current();
  if (before !== row) before?.removeAttribute("aria-current");
  clearTimeout(reading);
  noteCurrent(row);
  if (!row) {
    closePreview();
    return;
  }
  row.setAttribute("aria-current", "true");
  // An answer that comes late takes the keys from nobody who has begun to write.
  if (focus && !document.activeElement?.matches("input:not([type=checkbox]), textarea")) {
    /** @type {HTMLElement} */ (row.querySelector("a.open")).focus({ preventScroll: true });
  }
  row.scrollIntoView({ block: "nearest", behavior: "instant" });
  showPreview(row);
  reading = setTimeout(() => markRead(row), READ_AFTER);
}

/** @param {HTMLLIElement} row */
function markRead(row) {
  if (!row.classList.contains("unread") || document.hidden) return;
  row.classList.remove("unread");
  row.querySelector(".dot")?.remove();
  fetch(`/inquiry/${row.dataset.id}/read`, { method: "POST", headers: { "x-csrf": page.csrf }, body: new URLSearchParams({}) })
    .then(() => row.dispatchEvent(new CustomEvent("seen", { bubbles: true })))
    .catch(() => {});
}

/** @param {number} step @returns {HTMLLIElement | null} the row that is current then */
export function move(step) {
  const all = rows();
  const at = current();
  setCurrent(at ? (all[all.indexOf(at) + step] ?? at) : (firstSeen() ?? null));
  return current();
}

/** Insert what waits, drop what has left the view. */
export function flush() {
  keepPlace(() => {
    for (const row of list.querySelectorAll("li.row.left")) if (row !== current()) row.remove();
    for (const one of waiting.values()) place(one);
    waiting.clear();
    paintPill();
  });
  list.dispatchEvent(new Event("refilled"));
}

function paintPill() {
  pill.hidden = waiting.size === 0;
  pill.replaceChildren(`↑ ${say("new_rows", { n: waiting.size })} `, Object.assign(document.createElement("kbd"), { textContent: "n" }));
  if (waiting.size) announcing ||= setTimeout(announce, Math.max(0, announced + ANNOUNCE_EVERY - Date.now()));
}

/** Read aloud how many wait, at most every ten seconds. */
function announce() {
  announcing = 0;
  if (!waiting.size) return;
  announced = Date.now();
  document.getElementById("heard").textContent = say("new_rows", { n: waiting.size });
}

/** A change on the server. @param {import("./rows.js").Change} change @returns {Promise<boolean>} whether it shows here */
export async function arrives(change) {
  const { facts } = change;
  const row = rowOf(facts.id);
  if (row) {
    const newer = Number(facts.ver) - Number(row.dataset.ver);
    if (newer > 0 || (newer === 0 && facts.incident !== row.dataset.incident)) {
      const now = mustAsk ? (await asked([facts.id]))[facts.id] : null;
      repaint(row, now ?? change, now ? now.shown : inView(facts));
      showPreview(row, { changed: true });
      return true;
    }
    return false;
  }
  if (!inView(facts)) {
    if (waiting.delete(facts.id)) paintPill();
    return false;
  }
  const now = mustAsk ? (await asked([facts.id]))[facts.id] : { ...change, shown: true };
  if (!now?.shown) return false;
  const more = list.querySelector("li.older");
  const last = rows().at(-1);
  if (more && last && rank(facts) < standing(last)) return false; // a later page holds it
  waiting.set(facts.id, now);
  if (atTop() && !picked.size && !document.hidden && !list.contains(document.activeElement)) flush();
  else paintPill();
  return true;
}

/** @param {{id: string}} told */
export function vanishes({ id }) {
  waiting.delete(id);
  paintPill();
  const row = rowOf(id);
  if (!row) return;
  row.classList.add("left");
  const word = /** @type {HTMLElement} */ (row.querySelector(".changed"));
  word.hidden = false;
  word.textContent = say("gone");
}

/** We may have missed something: read again what is shown, and what now belongs to the top. @returns {Promise<number>} changes */
export async function resync() {
  let changes = 0;
  const ids = rows().map((row) => row.dataset.id);
  for (let start = 0; start < ids.length; start += 200) {
    const part = ids.slice(start, start + 200);
    const now = await asked(part);
    for (const id of part) {
      const row = rowOf(id);
      if (!row) continue;
      if (!now[id]) vanishes({ id });
      else if (now[id].facts.ver !== row.dataset.ver || now[id].facts.incident !== row.dataset.incident) repaint(row, now[id], now[id].shown);
      else continue;
      changes += 1;
    }
  }
  const query = new URLSearchParams(view);
  query.set("part", "rows");
  const answer = await fetchPart(`/?${query}`);
  if (!answer.ok) return changes;
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (fragment(await answer.text()).querySelectorAll("li.row"))) {
    if (rowOf(row.dataset.id)) continue;
    if (!waiting.has(row.dataset.id)) changes += 1;
    waiting.set(row.dataset.id, { facts: { .../** @type {Record<string, string>} */ (row.dataset) }, html: row.outerHTML });
  }
  if (atTop() && !picked.size && !document.hidden) flush();
  else paintPill();
  return changes;
}

/** @param {HTMLElement} row @returns {import("./doings.js").One} */
const one = (row) => ({ id: row.dataset.id, ver: row.dataset.ver });

/**
 * Do an action of keys.js: with what is picked, or else with a row.
 * @param {string} name @param {HTMLLIElement | null} [row]
 */
export function does(name, row) {
  if (name === "undo") return void takeBack();
  if (name === "recent") return showRecent();
  const { what, asks, more, alone } = DEEDS[name] ?? { what: name };
  if (picked.size && !row && !alone) {
    if (asks) askForMany(what, chosen());
    else actOnMany(what, chosen(), more);
    return;
  }
  const target = row ?? current();
  if (!target || !page.acts) return;
  const { id } = target.dataset;
  const now = () => one(rowOf(id) ?? target);
  if (asks) ask(what, now);
  else {
    paintAhead(target, what);
    post(what, now, more).then(() => restore(target));
  }
}

/** A claim is painted before the server knows of it. @param {HTMLElement} row @param {string} what */
function paintAhead(row, what) {
  const state = row.querySelector(".state");
  row.classList.add("acting");
  row.dataset.before ??= state.textContent;
  if (what === "claim") state.textContent = say("claimed_by", { who: page.user });
}

/** Nothing came of it: the row is as it was. @param {HTMLElement} row */
function restore(row) {
  if (!row.classList.contains("acting")) return;
  row.classList.remove("acting");
  row.querySelector(".state").textContent = row.dataset.before;
  delete row.dataset.before;
}

/** What I did, or took back, or what somebody else did before me. @param {{id: string, what: string, status: number, answer: import("./rows.js").Change}} told */
function did({ id, what, status, answer }) {
  const row = rowOf(id);
  const shown = inView(answer.facts);
  if (picked.has(id)) picked.set(id, answer.facts.ver);
  if (!row) {
    if (what === "undo" && shown) {
      if (waiting.delete(id)) paintPill(); // its event came before
      keepPlace(() => place(answer));
      tellRefilled();
      setCurrent(rowOf(id));
    }
    return;
  }
  row.classList.remove("acting");
  delete row.dataset.before;
  repaint(row, answer, shown || (status === 200 && what !== "undo"));
  if (what === "unread") {
    clearTimeout(reading);
    row.classList.add("unread");
  }
  showPreview(row, { mine: true });
  if (status === 200 && what !== "undo" && !shown) setTimeout(() => collapse(row), COLLAPSE_AFTER);
  else if (what === "undo") setCurrent(row);
}

let telling = 0;

/** Rows have come back or left: said once of all that do so together. */
function tellRefilled() {
  telling ||= requestAnimationFrame(() => {
    telling = 0;
    list.dispatchEvent(new Event("refilled"));
  });
}

/** What I acted on leaves, and the next row becomes current. @param {HTMLLIElement} row */
export function collapse(row) {
  const all = rows();
  const next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1] ?? null;
  if (row === current()) {
    row.remove();
    setCurrent(next);
  } else keepPlace(() => row.remove());
  tellRefilled();
  tellIfEmpty();
}

/** Leave for an inquiry so that coming back finds this place. @param {HTMLLIElement | null} row @param {string} [part] of its page, such as `#reply` */
export function open(row, part = "") {
  if (!row) return;
  savePlace(row, { leaving: true });
  leave(/** @type {HTMLAnchorElement} */ (row.querySelector("a.open")).href + part);
}

/** Nothing moves that is being read; but that the order is no longer right is said where it can be set right. */
function paintRisen() {
  const link = document.querySelector("a.refresh");
  const words = /** @type {HTMLElement} */ (link.querySelector(".words"));
  words.dataset.calm ??= words.textContent;
  words.textContent = risen() ? say("risen", { n: risen() }) : words.dataset.calm;
  link.classList.toggle("stale", risen() > 0);
}

/** Sorted anew, and from the top unless a row is current. */
export function sortAgain() {
  const query = new URLSearchParams(view);
  if (current()) query.set("row", current().dataset.code);
  const text = query.toString().replaceAll("%2C", ",");
  sessionStorage.removeItem(`place:${viewUrl()}`);
  leave(text ? `/?${text}` : "/");
}

/** Esc: first what is picked, then the current row. */
export function clear() {
  if (picked.size) {
    clearPicks();
    return;
  }
  setCurrent(null);
  /** @type {HTMLElement} */ (document.activeElement)?.blur();
}

export async function startList() {
  startPicking();
  startPreview();
  startDoings();
  document.addEventListener("did", (event) => did(/** @type {CustomEvent} */ (event).detail));
  pill.addEventListener("click", flush);
  document.getElementById("preview").addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-open]")) savePlace(current(), { leaving: true });
  });
  list.addEventListener("repainted", () => keepPlace(paintRisen));
  document.querySelector("a.refresh").addEventListener("click", (event) => {
    event.preventDefault();
    sortAgain();
  });
  list.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const row = /** @type {HTMLLIElement | null} */ (target.closest("li.row"));
    if (!row || target.closest(".tick")) return;
    const button = /** @type {HTMLElement | null} */ (target.closest("button[data-do]"));
    if (button) {
      event.preventDefault();
      does(button.dataset.do, row);
    } else if (/** @type {MouseEvent} */ (event).ctrlKey || /** @type {MouseEvent} */ (event).metaKey || /** @type {MouseEvent} */ (event).shiftKey) {
      return; // another tab
    } else if (wide.matches && row !== current()) {
      event.preventDefault();
      setCurrent(row);
    } else if (target.closest("a.open")) savePlace(row, { leaving: true });
  });
  list.addEventListener("focusin", (event) => {
    const row = /** @type {HTMLElement} */ (event.target).closest("li.row");
    if (row && row !== current() && !(/** @type {Element} */ (event.target).closest(".tick"))) setCurrent(/** @type {HTMLLIElement} */ (row), { focus: false });
  });
  await startPaging(setCurrent, (id) => waiting.has(id));
}

/** Wide enough for the preview: a click shows a row there, a second one opens it. */
export const wide = matchMedia("(min-width: 1100px)");
