// @ts-check
// The feed's list. Nothing under the eyes moves by itself; rows are known by their id, never by their place.
import { explain, post, remember, undoLast } from "./actions.js";
import { fragment, page, say, stateWord } from "./dom.js";
import { paintTimes } from "./times.js";

const MOST_ROWS = 2000;
const AT_TOP = 4; // pixels
const READ_AFTER = 1000;
const COLLAPSE_AFTER = 150;

const list = /** @type {HTMLOListElement} */ (document.getElementById("rows"));
const pill = /** @type {HTMLButtonElement} */ (document.getElementById("pill"));
const params = new URLSearchParams(location.search);
/** @type {Map<string, {facts: Record<string, string>, html: string}>} */
const waiting = new Map();
let reading = 0;
let announced = 0;

/** @returns {HTMLLIElement[]} */
const rows = () => [...list.querySelectorAll("li.row")];
/** @param {string} id @returns {HTMLLIElement | null} */
const rowOf = (id) => list.querySelector(`li.row[data-id="${id}"]`);
/** @returns {HTMLLIElement | null} */
export const current = () => list.querySelector('li.row[aria-current="true"]');

/** Run a change of the list without moving what is being read. @param {() => void} change */
function keepPlace(change) {
  const bar = document.querySelector("header.bar").getBoundingClientRect().bottom;
  const anchor = current() ?? rows().find((row) => row.getBoundingClientRect().bottom > bar);
  const before = anchor?.getBoundingClientRect().top;
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  change();
  if (anchor?.isConnected && !atTop()) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  if (focused && list.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

const atTop = () => scrollY <= AT_TOP && !current();

/** Whether this view shows an inquiry. Words can only be sought by the server. @param {Record<string, string>} facts */
function inView(facts) {
  const states = params.get("state") ?? "new,claimed,waiting,answered";
  if (states !== "all" && !states.split(",").includes(facts.state)) return false;
  for (const name of ["channel", "lang", "kind", "band", "source"]) {
    const wanted = params.get(name);
    if (wanted && !wanted.split(",").includes(facts[name])) return false;
  }
  const owner = params.get("owner");
  if (!owner) return true;
  return facts.owner === (owner === "me" ? page.user : owner === "none" ? "" : owner);
}

/** @param {HTMLLIElement | null} row @param {{focus?: boolean}} [how] */
export function setCurrent(row, { focus = true } = {}) {
  const before = current();
  if (before !== row) before?.removeAttribute("aria-current");
  clearTimeout(reading);
  if (!row) return;
  row.setAttribute("aria-current", "true");
  if (focus) row.querySelector("a.open").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest", behavior: "instant" });
  reading = setTimeout(() => markRead(row), READ_AFTER);
}

/** @param {HTMLLIElement} row */
function markRead(row) {
  if (!row.classList.contains("unread")) return;
  row.classList.remove("unread");
  row.querySelector(".dot")?.remove();
  fetch(`/inquiry/${row.dataset.id}/read`, { method: "POST", headers: { "x-csrf": page.csrf }, body: new URLSearchParams({}) }).catch(() => {});
}

/** @param {number} step */
export function move(step) {
  const all = rows();
  const at = current();
  if (!at) {
    const bar = document.querySelector("header.bar").getBoundingClientRect().bottom;
    setCurrent(all.find((row) => row.getBoundingClientRect().bottom > bar) ?? null);
    return;
  }
  setCurrent(all[all.indexOf(at) + step] ?? at);
}

/** Put a row where its priority belongs. @param {{facts: Record<string, string>, html: string}} one */
function place({ facts, html }) {
  const row = /** @type {HTMLLIElement} */ (fragment(html).querySelector("li.row"));
  rowOf(facts.id)?.remove();
  const next = rows().find((other) => Number(other.dataset.priority) < Number(facts.priority));
  list.insertBefore(row, next ?? list.querySelector("li.older"));
  paintTimes(row);
  document.getElementById("empty")?.remove();
  return row;
}

/** Insert what waits, drop what has left the view. */
export function flush() {
  keepPlace(() => {
    for (const row of list.querySelectorAll("li.row.left")) if (row !== current()) row.remove();
    for (const one of waiting.values()) place(one);
    waiting.clear();
    paintPill();
  });
}

function paintPill() {
  pill.hidden = waiting.size === 0;
  pill.replaceChildren(`↑ ${say("new_rows", { n: waiting.size })} `, Object.assign(document.createElement("kbd"), { textContent: "n" }));
  if (waiting.size && Date.now() - announced > 10000) {
    announced = Date.now();
    document.getElementById("said").setAttribute("aria-label", say("new_rows", { n: waiting.size }));
  }
}

/** New words in a row that is on screen; a row that left the view stays, greyed, with a word. */
function repaint(row, { facts, html }, shown = inView(facts)) {
  const fresh = /** @type {HTMLLIElement} */ (fragment(html).querySelector("li.row"));
  const unread = fresh.classList.contains("unread") && facts.seen !== row.dataset.seen;
  keepPlace(() => {
    const focus = row.contains(document.activeElement) && row.querySelectorAll("a, button").length;
    const wasUnread = row.classList.contains("unread");
    row.replaceChildren(...fresh.childNodes);
    Object.assign(row.dataset, facts);
    row.classList.toggle("unread", unread || wasUnread);
    if (!unread && !wasUnread) row.querySelector(".dot")?.remove();
    row.classList.toggle("left", !shown);
    const word = row.querySelector(".changed");
    word.hidden = shown;
    if (!shown) word.textContent = facts.owner && facts.state !== "closed" ? say("claimed_by", { who: facts.owner }) : say("now_state", { state: stateWord(facts.state) });
    paintTimes(row);
    if (focus) row.querySelector("a.open").focus({ preventScroll: true });
  });
}

/** A change on the server. @param {{facts: Record<string, string>, html: string}} change */
export async function arrives(change) {
  const { facts } = change;
  const row = rowOf(facts.id);
  if (row) {
    const newer = Number(facts.ver) - Number(row.dataset.ver);
    if (newer > 0 || (newer === 0 && facts.incident !== row.dataset.incident)) repaint(row, change);
    return;
  }
  if (!inView(facts)) {
    if (waiting.delete(facts.id)) paintPill();
    return;
  }
  if (params.get("q") && !(await asked([facts.id]))[facts.id]?.shown) return;
  const all = rows();
  const more = list.querySelector("li.older");
  if (more && all.length && Number(facts.priority) < Number(all.at(-1).dataset.priority)) return; // a later page holds it
  waiting.set(facts.id, change);
  if (atTop() && !document.hidden && !list.contains(document.activeElement)) flush();
  else paintPill();
}

/** @param {{id: string}} told */
export function vanishes({ id }) {
  waiting.delete(id);
  paintPill();
  const row = rowOf(id);
  if (!row) return;
  row.classList.add("left");
  const word = row.querySelector(".changed");
  word.hidden = false;
  word.textContent = say("gone");
}

/** @param {string[]} ids @returns {Promise<Record<string, {facts: Record<string, string>, html: string, shown: boolean}>>} */
async function asked(ids) {
  const query = new URLSearchParams(params);
  query.set("ids", ids.join(","));
  const answer = await fetch(`/rows?${query}`, { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : {};
}

/** We may have missed something: read again what is shown, and what now belongs to the top. */
export async function resync() {
  const ids = rows().map((row) => row.dataset.id);
  for (let start = 0; start < ids.length; start += 200) {
    const part = ids.slice(start, start + 200);
    const now = await asked(part);
    for (const id of part) {
      const row = rowOf(id);
      if (!row) continue;
      if (!now[id]) vanishes({ id });
      else if (now[id].facts.ver !== row.dataset.ver || now[id].facts.incident !== row.dataset.incident) repaint(row, now[id], now[id].shown);
    }
  }
  const query = new URLSearchParams(params);
  query.set("part", "rows");
  const answer = await fetch(`/?${query}`);
  if (!answer.ok) return;
  for (const row of fragment(await answer.text()).querySelectorAll("li.row")) {
    if (!rowOf(row.dataset.id)) waiting.set(row.dataset.id, { facts: { ...row.dataset }, html: row.outerHTML });
  }
  if (atTop()) flush();
  else paintPill();
}

/** One after the other, in the order of the keys. @type {Promise<void>} */
let queue = Promise.resolve();

/** @param {HTMLLIElement | null} row @param {import("./actions.js").What} what */
export function act(row, what) {
  if (row && page.acts) queue = queue.then(() => doIt(row, what));
}

export function undo() {
  queue = queue.then(takeBack);
}

/** Do something with a row; paint it at once, and restore it if somebody was quicker. */
async function doIt(row, what) {
  const { id, ver } = row.dataset;
  const before = row.querySelector(".state").textContent;
  row.classList.add("acting");
  if (what === "claim") row.querySelector(".state").textContent = say("claimed_by", { who: page.user });
  const { status, answer } = await post(id, what, ver);
  row.classList.remove("acting");
  if (answer) repaint(row, answer, inView(answer.facts) || status === 200);
  else row.querySelector(".state").textContent = before;
  if (status !== 200) {
    explain(status, answer, id);
    return;
  }
  remember(what, ver, answer, undo);
  if (!inView(answer.facts)) setTimeout(() => collapse(row), COLLAPSE_AFTER);
}

/** @param {HTMLLIElement} row */
function collapse(row) {
  const all = rows();
  const next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1] ?? null;
  const wasCurrent = row === current();
  if (wasCurrent) {
    row.remove();
    setCurrent(next);
  } else keepPlace(() => row.remove());
}

async function takeBack() {
  const answer = await undoLast();
  if (!answer) return;
  const row = rowOf(answer.facts.id);
  if (row) repaint(row, answer);
  else if (inView(answer.facts)) keepPlace(() => place(answer));
  setCurrent(rowOf(answer.facts.id));
}

/** Leave for an inquiry so that coming back finds this place. @param {HTMLLIElement | null} row */
export function open(row) {
  if (!row) return;
  savePlace(row);
  location.assign(row.querySelector("a.open").href);
}

/** @param {HTMLLIElement} row */
function savePlace(row) {
  const ids = rows().map((one) => one.dataset.id);
  sessionStorage.setItem("place", JSON.stringify({ url: location.pathname + location.search, id: row.dataset.id, top: row.getBoundingClientRect().top, count: ids.length }));
  sessionStorage.setItem("walk", JSON.stringify(ids));
}

async function restorePlace() {
  const place = JSON.parse(sessionStorage.getItem("place") ?? "null");
  sessionStorage.removeItem("place");
  if (place?.url !== location.pathname + location.search) return;
  while (rows().length < place.count && (await older()));
  const row = rowOf(place.id);
  if (!row) return;
  setCurrent(row);
  scrollBy({ top: row.getBoundingClientRect().top - place.top, behavior: "instant" });
}

/** Load the next page. @returns {Promise<boolean>} whether there was one */
async function older() {
  const link = /** @type {HTMLAnchorElement | null} */ (document.getElementById("older"));
  if (!link || link.dataset.busy || rows().length >= MOST_ROWS) return false;
  link.dataset.busy = "1";
  const answer = await fetch(`${link.href}&part=rows`).catch(() => null);
  if (!answer?.ok) {
    delete link.dataset.busy;
    return false;
  }
  const more = fragment(await answer.text());
  for (const row of more.querySelectorAll("li.row")) if (rowOf(row.dataset.id) || waiting.has(row.dataset.id)) row.remove();
  paintTimes(more);
  link.closest("li").replaceWith(more);
  watchEnd();
  return true;
}

const end = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && older(), { rootMargin: "600px" });

function watchEnd() {
  end.disconnect();
  const link = document.getElementById("older");
  if (link) end.observe(link);
}

/** @param {any} counts */
export function showCounts(counts) {
  document.getElementById("open-count").textContent = counts.open.toLocaleString("en");
}

export function startList() {
  history.scrollRestoration = "manual";
  watchEnd();
  restorePlace();
  pill.addEventListener("click", flush);
  list.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const row = /** @type {HTMLLIElement | null} */ (target.closest("li.row"));
    if (!row) return;
    const button = /** @type {HTMLElement | null} */ (target.closest("button[data-do]"));
    if (button) {
      event.preventDefault();
      act(row, /** @type {any} */ (button.dataset.do));
    } else if (target.closest("a.open")) savePlace(row);
  });
  list.addEventListener("focusin", (event) => {
    const row = /** @type {HTMLElement} */ (event.target).closest("li.row");
    if (row && row !== current()) setCurrent(/** @type {HTMLLIElement} */ (row), { focus: false });
  });
}
