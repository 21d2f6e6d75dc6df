// @ts-check
// The rows of the list: finding them, placing them, and changing the list without moving what is being read.
import { fragment, page, say, stateWord } from "./dom.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

/** What scripts know of an inquiry; a row has it as its data. @typedef {Record<string, string>} Facts */
/** @typedef {{facts: Facts, html: string}} Change */

const AT_TOP = 4; // pixels
const RETRY = 2000; // milliseconds

export const list = /** @type {HTMLOListElement} */ (document.getElementById("rows"));
const desk = /** @type {HTMLElement} */ (document.querySelector(".desk"));
const sort = desk.dataset.sort;
/** The view's own query, without the current row. */
export const view = new URLSearchParams(desk.dataset.view);
export const viewUrl = () => (desk.dataset.view ? `/?${desk.dataset.view}` : "/");

/** @returns {HTMLLIElement[]} */
export const rows = () => [...list.querySelectorAll("li.row")];

/** Rows by id, as the list tells what enters and leaves it: to look through it for each of many takes minutes. @type {Map<string, HTMLLIElement>} */
const byId = new Map(rows().map((row) => [row.dataset.id, row]));

/** @param {MutationRecord[]} moves */
function learn(moves) {
  for (const { addedNodes, removedNodes } of moves) {
    for (const row of /** @type {Iterable<HTMLLIElement>} */ (removedNodes)) if (byId.get(row.dataset?.id) === row) byId.delete(row.dataset.id);
    for (const row of /** @type {Iterable<HTMLLIElement>} */ (addedNodes)) if (row.dataset?.id) byId.set(row.dataset.id, row);
  }
}
const moves = new MutationObserver(learn);
moves.observe(list, { childList: true });

/** @param {string} id @returns {HTMLLIElement | null} */
export function rowOf(id) {
  learn(moves.takeRecords());
  return byId.get(id) ?? null;
}

/** @returns {HTMLLIElement | null} */
export const current = () => list.querySelector('li.row[aria-current="true"]');

/** Where the list begins to be seen, below what sticks. */
const seenFrom = () => document.querySelector(".list .head").getBoundingClientRect().bottom;

/** The first row that is not hidden above. They stand one below the other, so half of them need not be looked at. */
export function firstSeen() {
  const [top, all] = [seenFrom() + 1, rows()];
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle].getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  return all[low];
}

/** Somebody reads the page of the first use, which would go away. */
const readsStart = () => document.querySelector(".start :is(details[open], :focus)") !== null;

export const atTop = () => scrollY <= AT_TOP && !current() && !list.querySelector(".tick input:checked") && !readsStart();

let keeping = false;

/** Run a change of the list, or several in one, without moving what is being read. @param {() => void} change */
export function keepPlace(change) {
  if (keeping) return change();
  const anchor = current() ?? firstSeen();
  const before = anchor?.getBoundingClientRect().top;
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const stays = !atTop();
  keeping = true;
  try {
    change();
  } finally {
    keeping = false;
  }
  if (anchor?.isConnected && stays) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  if (focused && list.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** The order of this view; the highest stands first. @param {Facts | DOMStringMap} facts */
export const rank = (facts) => Number(facts[sort]);

/** The rank by which a row got its place, where it has another one since. @type {WeakMap<HTMLElement, number>} */
const placedBy = new WeakMap();
/** By what a row stands where it stands: a list on screen is in order by this. @param {HTMLElement} row */
export const standing = (row) => placedBy.get(row) ?? rank(row.dataset);

/** Rows that became more urgent than others above them, and stay where they are read. @type {Set<string>} */
const higher = new Set();
export const risen = () => [...higher].filter((id) => rowOf(id)).length;

/** @param {HTMLLIElement} row @param {Facts} facts */
function noteRise(row, facts) {
  const above = row.previousElementSibling;
  const outranks = above instanceof HTMLElement && standing(above) < rank(facts);
  if (!outranks) higher.delete(facts.id);
  else if (sort === "priority" && facts.band < row.dataset.band) higher.add(facts.id);
}

/** Put a row where its rank belongs. @param {Change} one */
export function place({ facts, html }) {
  const row = /** @type {HTMLLIElement} */ (fragment(html).querySelector("li.row"));
  rowOf(facts.id)?.remove();
  higher.delete(facts.id);
  const next = rows().find((other) => standing(other) < rank(facts));
  list.insertBefore(row, next ?? list.querySelector("li.older"));
  paintTimes(row);
  document.getElementById("empty")?.remove();
  return row;
}

/** Filters that only the server can judge. */
const ASKED = ["q", "incident", "since", "until", "sla", "wrote", "answered", "closed", "due", "touched"];
export const mustAsk = ASKED.some((name) => view.has(name));

/** Whether this view shows an inquiry, as far as can be told here. @param {Facts} facts */
export function inView(facts) {
  const states = view.get("state") ?? "new,claimed,waiting,answered";
  if (!states.split(",").includes("all") && !states.split(",").includes(facts.state)) return false;
  for (const name of ["channel", "lang", "kind", "band", "source", "public", "secret", "thanks"]) {
    const wanted = view.get(name);
    if (wanted && !wanted.split(",").includes(facts[name])) return false;
  }
  const owners = view.get("owner")?.split(",");
  return !owners || owners.some((owner) => facts.owner === (owner === "me" ? page.user : owner === "none" ? "" : owner));
}

/**
 * New words in a row that is on screen; a row that left the view stays, greyed, with a word.
 * @param {HTMLLIElement} row @param {Change} change
 */
export function repaint(row, { facts, html }, shown = inView(facts)) {
  const fresh = /** @type {HTMLLIElement} */ (fragment(html).querySelector("li.row"));
  const unread = fresh.classList.contains("unread") && facts.seen !== row.dataset.seen;
  keepPlace(() => {
    const focus = row.contains(document.activeElement) && row.querySelectorAll("a, button").length;
    const wasUnread = row.classList.contains("unread");
    const pick = /** @type {HTMLInputElement | null} */ (row.querySelector(".tick input"))?.checked;
    row.replaceChildren(...fresh.childNodes);
    placedBy.set(row, standing(row));
    noteRise(row, facts);
    Object.assign(row.dataset, facts);
    if (pick) /** @type {HTMLInputElement} */ (row.querySelector(".tick input")).checked = true;
    row.classList.toggle("unread", unread || wasUnread);
    if (!unread && !wasUnread) row.querySelector(".dot")?.remove();
    row.classList.toggle("left", !shown);
    const word = /** @type {HTMLElement} */ (row.querySelector(".changed"));
    word.hidden = shown;
    const taken = facts.state === "claimed" && facts.owner && facts.owner !== page.user;
    if (!shown) word.textContent = taken ? say("claimed_by", { who: facts.owner }) : say("now_state", { state: stateWord(facts.state) });
    paintTimes(row);
    if (focus) /** @type {HTMLElement} */ (row.querySelector("a.open")).focus({ preventScroll: true });
  });
  tellRepainted();
}

let telling = 0;

/** Rows have changed, come, or left: said once of all that do so together. */
export function tellRepainted() {
  telling ||= requestAnimationFrame(() => {
    telling = 0;
    list.dispatchEvent(new Event("repainted", { bubbles: true }));
  });
}

/** Whether this is newer than what a row shows. @param {HTMLElement} row @param {Facts} facts */
export function isNews({ dataset }, facts) {
  const newer = Number(facts.ver) - Number(dataset.ver);
  return newer > 0 || (newer === 0 && facts.incident !== dataset.incident);
}

/**
 * Rows as they are now, by id; one that is not among them is nowhere any more. @param {string[]} ids
 * @returns {Promise<Record<string, Change & {shown: boolean}>>} rejected: they cannot be had now
 */
export async function asked(ids) {
  const query = new URLSearchParams(view);
  query.set("ids", ids.join(","));
  const answer = await fetchPart(`/rows?${query}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** The time to ask again for what could not be had: once somebody has signed in, or in a while. @param {Error} error @returns {Promise<null>} */
export const later = (error) =>
  new Promise((again) => {
    if (error.message === "401") addEventListener("signedin", () => again(null), { once: true });
    else setTimeout(again, RETRY, null);
  });
