// @ts-check
// The feed's list as it lives: what arrives, what leaves, and what I do with its rows. Nothing under the eyes moves by
// itself; rows are known by their id, never by their place.
import { act as post, actOnMany, ask, askForMany, DEEDS, showRecent, startDoings, undo as takeBack } from "./doings.js";
import { fragment, leave, page, say } from "./dom.js";
import { tellIfEmpty } from "./emptied.js";
import { noteCurrent, savePlace, startPaging } from "./paging.js";
import { chosen, clearPicks, picked, startPicking } from "./picking.js";
import { closePreview, showPreview, startPreview, wide } from "./preview.js";
import { asked, atTop, current, firstSeen, inView, isNews, keepPlace, later, list, mustAsk, place, rank, repaint, risen, rowOf, rows, standing, tellRepainted, view, viewUrl } from "./rows.js";
import { fetchPart } from "./session.js";

/** @typedef {import("./rows.js").Change} Change */

export { current } from "./rows.js";

const READ_AFTER = 1000;
const COLLAPSE_AFTER = 150;
const ANNOUNCE_EVERY = 10000;
const MOST_ASKED = 200; // ids in one address
const MOST_BETWEEN = 2000; // rows that are read after a while away ...
const MOST_LOOKS = 3; // ... and how often

const pill = /** @type {HTMLButtonElement} */ (document.getElementById("pill"));
/** @type {Map<string, Change>} */
const waiting = new Map();
let reading = 0;
let announced = 0;
let announcing = 0;

/** @param {HTMLLIElement | null} row @param {{focus?: boolean}} [how] */
function setCurrent(row, { focus = true } = {}) {
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
  fetch(`/inquiry/${row.dataset.id}/read`, { method: "POST", headers: { "x-csrf": page.csrf }, body: new URLSearchParams({}) }).catch(() => {});
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
  tellRepainted();
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

/**
 * How this view sees a change. Some views only the server can judge; if it cannot be asked now, all is read again as
 * soon as it can. @param {Change} change @returns {Promise<(Change & {shown: boolean}) | null>} null: it cannot be told
 */
async function judged(change) {
  const { id } = change.facts;
  const seems = inView(change.facts);
  if (!mustAsk || !(seems || rowOf(id))) return { ...change, shown: seems };
  try {
    return (await asked([id]))[id] ?? null;
  } catch {
    resync();
    return null;
  }
}

/** Keep a row until it is asked for, unless a later state of it is kept. @param {Change} change */
function keep(change) {
  const { id, ver } = change.facts;
  if (!(Number(waiting.get(id)?.facts.ver) > Number(ver))) waiting.set(id, change);
}

/** A change on the server. @param {Change} change @returns {Promise<boolean>} whether it shows here */
export async function arrives(change) {
  const { id } = change.facts;
  const before = rowOf(id);
  if (before && !isNews(before, change.facts)) return false;
  const now = await judged(change);
  if (!now) return false;
  const row = rowOf(id); // what was asked may come late, and something newer before it
  if (row) {
    if (!isNews(row, now.facts)) return false;
    repaint(row, now, now.shown);
    showPreview(row, { changed: true });
    return true;
  }
  if (!now.shown) {
    if (waiting.delete(id)) paintPill();
    return false;
  }
  const more = list.querySelector("li.older");
  const last = rows().at(-1);
  if (more && last && rank(now.facts) < standing(last)) return false; // a later page holds it
  keep(now);
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

let missing = false; // something that is not read again yet
/** @type {Promise<number> | null} */
let catching = null;

/** We may have missed something: read again, until it is here. @returns {Promise<number>} changes */
export function resync() {
  missing = true;
  catching ??= catchUp();
  return catching;
}

async function catchUp() {
  let changes = 0;
  try {
    while (missing) {
      missing = false;
      try {
        changes += paintAgain(await readAgain());
        changes += await bringBetween();
      } catch (error) {
        await later(/** @type {Error} */ (error));
        missing = true;
      }
    }
  } finally {
    catching = null;
  }
  return changes;
}

/** What is shown, as it is now. */
async function readAgain() {
  const ids = rows().map((row) => row.dataset.id);
  /** @type {Awaited<ReturnType<typeof asked>>} */
  const now = {};
  for (let start = 0; start < ids.length; start += MOST_ASKED) Object.assign(now, await asked(ids.slice(start, start + MOST_ASKED)));
  return { ids, now };
}

/** @param {Awaited<ReturnType<typeof readAgain>>} told @returns {number} changes */
function paintAgain({ ids, now }) {
  let changes = 0;
  for (const id of ids) {
    const row = rowOf(id);
    if (!row) continue;
    if (!now[id]) vanishes({ id });
    else if (isNews(row, now[id].facts)) repaint(row, now[id], now[id].shown);
    else continue;
    changes += 1;
  }
  return changes;
}

/** What now belongs between the rows that are shown. @returns {Promise<number>} how much of it was not known yet */
async function bringBetween() {
  let brought = 0;
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    let [pages, fresh] = [0, 0];
    for await (const page of pagesDown()) {
      pages += 1;
      fresh += bring(page);
    }
    brought += fresh;
    // Who rose while pages were turned may have gone from the next one to one that was read.
    if (pages < 2 || (look > 1 && !fresh)) break;
  }
  return brought;
}

/** The view from its top, page by page, as far as the list goes. @returns {AsyncGenerator<HTMLElement[]>} */
async function* pagesDown() {
  const query = new URLSearchParams(view);
  query.set("part", "rows");
  const last = list.querySelector("li.older") ? rows().at(-1) : undefined;
  let [address, read] = [`/?${query}`, 0];
  while (address && read < MOST_BETWEEN) {
    const answer = await fetchPart(address);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = fragment(await answer.text());
    const found = [.../** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("li.row"))];
    const at = last ? found.findIndex((row) => row.dataset.id === last.dataset.id || rank(row.dataset) < standing(last)) : -1;
    yield at < 0 ? found : found.slice(0, at);
    if (at >= 0) return; // a later page holds what follows
    read += found.length;
    const older = page.querySelector("#older")?.getAttribute("href");
    address = older ? `${older}&part=rows` : "";
  }
}

/** @param {HTMLElement[]} found @returns {number} of how many nothing was known yet */
function bring(found) {
  const fresh = found.filter((row) => !rowOf(row.dataset.id));
  const unknown = fresh.filter((row) => !waiting.has(row.dataset.id)).length;
  for (const row of fresh) keep({ facts: { .../** @type {Record<string, string>} */ (row.dataset) }, html: row.outerHTML });
  if (atTop() && !picked.size && !document.hidden) flush();
  else paintPill();
  return unknown;
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

/** @typedef {{id: string, what: string, status: number, answer: Change}} Did */

/** Not painted yet. @type {Did[]} */
const done = [];

/** What is told of many in one breath is painted in one: to measure the list for each would stop the page. @param {Did} told */
function hears(told) {
  if (done.push(told) === 1) queueMicrotask(paintDone);
}

function paintDone() {
  const all = done.splice(0);
  keepPlace(() => all.forEach(did));
  const back = all.filter(({ what }) => what === "undo").map(({ id }) => rowOf(id));
  const last = back.filter(Boolean).at(-1);
  if (last) setCurrent(last);
  const leavers = all.filter((one) => isMine(one) && !inView(one.answer.facts)).map(({ id }) => rowOf(id));
  if (leavers.some(Boolean)) setTimeout(() => collapse(leavers.filter(Boolean)), COLLAPSE_AFTER);
}

/** Done by me, and not taken back. @param {Did} told */
const isMine = ({ what, status }) => status === 200 && what !== "undo";

/** What I did, or took back, or what somebody else did before me. @param {Did} told */
function did(told) {
  const { id, what, answer } = told;
  const row = rowOf(id);
  const shown = inView(answer.facts);
  if (picked.has(id)) picked.set(id, answer.facts.ver);
  if (!row) {
    if (what !== "undo" || !shown) return;
    if (waiting.delete(id)) paintPill(); // its event came before
    place(answer);
    tellRepainted();
    return;
  }
  row.classList.remove("acting");
  delete row.dataset.before;
  if (Number(answer.facts.ver) >= Number(row.dataset.ver)) repaint(row, answer, shown || isMine(told));
  if (what === "unread") {
    clearTimeout(reading);
    row.classList.add("unread");
  }
  showPreview(row, { mine: true });
}

/** What I acted on leaves, unless it is back by then; the next row becomes current. @param {HTMLLIElement[]} leavers */
function collapse(leavers) {
  const gone = new Set(leavers.filter((row) => !inView(row.dataset)));
  const at = current();
  const stay = rows().filter((row) => row === at || !gone.has(row));
  const next = stay[stay.indexOf(at) + 1] ?? stay[stay.indexOf(at) - 1] ?? null;
  keepPlace(() => gone.forEach((row) => row.remove()));
  if (gone.has(at)) setCurrent(next);
  tellRepainted();
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
  document.addEventListener("did", (event) => hears(/** @type {CustomEvent} */ (event).detail));
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
