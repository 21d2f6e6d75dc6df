// @ts-check
// Pages of the list: the next one before the end is seen, a bounded number of rows, and coming back to the same place.
import { fragment } from "./dom.js";
import { asked, current, firstSeen, keepPlace, later, list, rowOf, rows, tellRepainted, viewUrl } from "./rows.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const MOST_ROWS = 2000;
const STEP = 50;
const NEAR = "600px";

/** Ids of rows that were taken out at either end, from the top down. @type {string[]} */
const above = [];
/** @type {string[]} */
const below = [];
let busy = false;
/** What waits to be inserted is not brought twice. @type {(id: string) => boolean} */
let waits = () => false;

/** Load the next page. @returns {Promise<boolean>} whether there was one */
async function older() {
  if (busy) return false;
  if (below.length) return refill(below.splice(0, STEP), "end");
  const link = /** @type {HTMLAnchorElement | null} */ (document.getElementById("older"));
  if (!link) return false;
  const html = await got(async () => {
    const answer = await fetchPart(`${link.href}&part=rows`);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  });
  if (html === null) return false;
  const more = fragment(html);
  for (const row of more.querySelectorAll("li.row")) {
    const id = /** @type {HTMLElement} */ (row).dataset.id;
    if (rowOf(id) || waits(id) || above.includes(id)) row.remove();
  }
  paintTimes(more);
  keepPlace(() => {
    link.closest("li").replaceWith(more);
    drop("start");
  });
  tellRepainted();
  watch();
  return true;
}

/** One thing is fetched at a time; what fails is tried again in a while. @template T @param {() => Promise<T>} fetching @returns {Promise<T | null>} */
async function got(fetching) {
  busy = true;
  try {
    return await fetching();
  } catch (error) {
    later(/** @type {Error} */ (error)).then(watch);
    return null;
  } finally {
    busy = false;
  }
}

/** Bring back rows that were taken out. @param {string[]} ids @param {"start" | "end"} end @returns {Promise<boolean>} whether they are here */
async function refill(ids, end) {
  const now = await got(() => asked(ids));
  if (!now) {
    if (end === "start") above.push(...ids);
    else below.unshift(...ids);
    return false;
  }
  keepPlace(() => {
    const back = ids.filter((id) => now[id] && !rowOf(id)).map((id) => fragment(now[id].html));
    for (const one of back) paintTimes(one);
    const before = end === "start" ? list.querySelector("li.row") : list.querySelector("li.older");
    for (const one of back) list.insertBefore(one, before);
    drop(end === "start" ? "end" : "start");
  });
  tellRepainted();
  watch();
  return true;
}

/** Take out what is too much, at the far end. @param {"start" | "end"} end */
function drop(end) {
  const all = rows();
  const much = all.length - MOST_ROWS;
  if (much <= 0) return;
  const gone = end === "start" ? all.slice(0, much) : all.slice(-much);
  const ids = gone.map((row) => row.dataset.id);
  for (const row of gone) row.remove();
  if (end === "start") above.push(...ids);
  else below.unshift(...ids);
}

const end = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && older(), { rootMargin: NEAR });
const start = new IntersectionObserver(
  (seen) => seen.some((one) => one.isIntersecting) && above.length && !busy && refill(above.splice(-STEP), "start"),
  { rootMargin: NEAR },
);

function watch() {
  end.disconnect();
  start.disconnect();
  const last = document.getElementById("older") ?? (below.length ? rows().at(-1) : null);
  if (last) end.observe(last);
  const first = list.querySelector("li.row");
  if (above.length && first) start.observe(first);
}

/** Remember this place; `leaving`: for the way back from an inquiry. @param {HTMLLIElement | null} row */
export function savePlace(row, { leaving = false } = {}) {
  const anchor = row ?? firstSeen();
  if (!anchor) return;
  const ids = rows().map((one) => one.dataset.id);
  const place = { url: viewUrl(), id: anchor.dataset.id, top: anchor.getBoundingClientRect().top, count: ids.length, current: current()?.dataset.id ?? "", y: scrollY };
  sessionStorage.setItem(`place:${viewUrl()}`, JSON.stringify(place));
  if (!leaving) return;
  sessionStorage.setItem("place", JSON.stringify({ ...place, current: place.id, leaving }));
  sessionStorage.setItem("walk", JSON.stringify(ids));
}

/** The place to come back to, if this is a return. @returns {{id: string, top: number, count: number, current: string, y: number, leaving?: boolean} | null} */
function returning() {
  const left = JSON.parse(sessionStorage.getItem("place") ?? "null");
  sessionStorage.removeItem("place");
  if (left?.leaving && left.url === viewUrl()) return { ...left, current: left.id };
  const how = /** @type {PerformanceNavigationTiming | undefined} */ (performance.getEntriesByType("navigation")[0])?.type;
  return how === "reload" || how === "back_forward" ? JSON.parse(sessionStorage.getItem(`place:${viewUrl()}`) ?? "null") : null;
}

const DONE = ["answered", "waiting", "snoozed", "closed"];

/**
 * What is done with has left, or stands far below: then the row that followed it is where the work goes on.
 * @param {{id: string, leaving?: boolean}} place @returns {HTMLLIElement | null}
 */
function successor({ id, leaving }) {
  const row = rowOf(id);
  if (!leaving || (row && !DONE.includes(row.dataset.state))) return null;
  /** @type {string[]} */
  const walk = JSON.parse(sessionStorage.getItem("walk") ?? "[]");
  const next = walk.includes(id) ? walk.slice(walk.indexOf(id) + 1).map(rowOf).find(Boolean) : null;
  if (!next) return null;
  return row && row.compareDocumentPosition(next) & Node.DOCUMENT_POSITION_FOLLOWING ? null : next;
}

/** @param {(row: HTMLLIElement, how?: {focus?: boolean}) => void} setCurrent */
async function restore(setCurrent) {
  const place = returning();
  const named = new URLSearchParams(location.search).get("row");
  if (place) {
    while (rows().length < Math.min(place.count, MOST_ROWS) && !rowOf(place.id) && !successor(place) && (await older()));
    const next = successor(place);
    const row = next ?? rowOf(place.id);
    const mine = next ?? (place.current ? rowOf(place.current) : null);
    if (mine) setCurrent(mine);
    if (row && place.y > 0) scrollBy({ top: row.getBoundingClientRect().top - place.top, behavior: "instant" });
    return;
  }
  const row = named && rows().find((one) => one.dataset.code === named);
  if (row) {
    setCurrent(row);
    row.scrollIntoView({ block: "center", behavior: "instant" });
  }
}

/**
 * @param {(row: HTMLLIElement, how?: {focus?: boolean}) => void} setCurrent
 * @param {(id: string) => boolean} waiting whether a row waits behind the pill
 */
export async function startPaging(setCurrent, waiting) {
  history.scrollRestoration = "manual";
  waits = waiting;
  await restore(setCurrent);
  watch();
  let later = 0;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(later);
      later = setTimeout(() => savePlace(null), 150);
    },
    { passive: true },
  );
}

/** The current row stands in the address, so that it can be passed on. @param {HTMLLIElement | null} row */
export function noteCurrent(row) {
  clearTimeout(noting);
  noting = setTimeout(() => {
    const query = new URLSearchParams(location.search);
    query.delete("row");
    if (row) query.set("row", row.dataset.code);
    const text = query.toString().replaceAll("%2C", ",");
    history.replaceState(history.state, "", text ? `/?${text}` : "/");
    savePlace(null);
  }, 300);
}
let noting = 0;
