// @ts-check
// The page of one inquiry: act without leaving it, walk the list it was opened from.
import { keepIn, wireComposer } from "./composer.js";
import { copyText } from "./copying.js";
import { deedsFor, focusAgain, startDoings, wait } from "./doings.js";
import { fragment, leave, say } from "./dom.js";
import { withoutPushing } from "./inserting.js";
import { undo as undoAnswer } from "./outgoing.js";
import { renewAround } from "./renew.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const article = () => /** @type {HTMLElement} */ (document.getElementById("inquiry"));

let unread = ""; // set: what is shown is not to be marked as read again

let asked = 0; // how often it was asked for, and which of these is on screen
let painted = 0;

/** Show it as it is now, without moving what is being read. If that cannot be had, it can be asked for again. */
export async function refresh() {
  const mine = (asked += 1);
  const answer = await fetchPart(location.href, unread ? { headers: { "x-unread": unread } } : {}).catch(() => null);
  const html = await answer?.text().catch(() => null);
  if (answer?.status === 404) return erased();
  if (!answer?.ok || !html) return offerFresh();
  const fresh = /** @type {HTMLElement} */ (fragment(html).getElementById("inquiry"));
  if (mine < painted || Number(fresh.dataset.ver) < Number(article().dataset.ver)) return; // a newer one has overtaken it
  painted = mine;
  paint(fresh);
}

/** @param {HTMLElement} fresh */
function paint(fresh) {
  const had = /** @type {HTMLElement | null} */ (document.activeElement);
  const stays = keepIn(fresh);
  if (stays) renewAround(article(), fresh, stays.kept, stays.twin);
  else article().replaceWith(fresh);
  if (had && !had.isConnected) focusAgain(had);
  paintTimes(article());
  wire();
  wireComposer();
  document.dispatchEvent(new Event("repainted"));
}

/** What can be done by a key. */
export const deeds = deedsFor(() => {
  const { id, ver } = article().dataset;
  return { id, ver };
});

/** @param {{facts: Record<string, string>}} change */
export function changes({ facts }) {
  const { id, ver } = article().dataset;
  if (facts.id === id && Number(facts.ver) > Number(ver)) offerFresh();
}

/** What is on screen is not how it is now. */
function offerFresh() {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("show") });
  button.addEventListener("click", refresh);
  note(`${say("changed_here")} `, button);
}

/** @param {{id: string}} told */
export function vanishes({ id }) {
  if (id === article().dataset.id) erased();
}

/** What is being written stays, to be copied. */
const erased = () => note(say("erased_here"));

/** Above the inquiry. @param {...(string | Node)} said */
function note(...said) {
  const bar = document.getElementById("changed");
  withoutPushing(() => {
    bar.replaceChildren(...said);
    bar.hidden = false;
  });
}

/** The text that asks for what is missing. */
function copy() {
  const text = /** @type {HTMLTextAreaElement} */ (document.getElementById("ask"));
  text.select();
  copyText(text.value);
}

/** @param {number} step */
export function walk(step) {
  const ids = /** @type {string[]} */ (JSON.parse(sessionStorage.getItem("walk") ?? "[]"));
  const at = ids.indexOf(article().dataset.id);
  const to = at < 0 ? undefined : ids[at + step];
  if (!to) return;
  const place = JSON.parse(sessionStorage.getItem("place") ?? "null");
  if (place) sessionStorage.setItem("place", JSON.stringify({ ...place, id: to }));
  leave(`/inquiry/${to}`);
}

export function back() {
  const place = JSON.parse(sessionStorage.getItem("place") ?? "null");
  leave(place?.url ?? "/");
}

function wire() {
  const place = JSON.parse(sessionStorage.getItem("place") ?? "null");
  if (place) /** @type {HTMLAnchorElement} */ (document.getElementById("back")).href = place.url;
  const ids = /** @type {string[]} */ (JSON.parse(sessionStorage.getItem("walk") ?? "[]"));
  document.getElementById("copy")?.removeAttribute("hidden");
  document.getElementById("walk").hidden = !ids.includes(article().dataset.id);
}

export function startInquiry() {
  wire();
  startDoings();
  document.addEventListener("undo", (event) => undoAnswer() && event.preventDefault());
  document.addEventListener("did", (event) => {
    const { id, what, status } = /** @type {CustomEvent} */ (event).detail;
    if (id !== article().dataset.id) return;
    if (status === 200) unread = what === "unread" ? "1" : "";
    wait(refresh());
  });
  document.addEventListener("read", (event) => {
    if (/** @type {CustomEvent} */ (event).detail === article().dataset.id) unread = "";
  });
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("#inquiry [data-do]"));
    const what = button?.dataset.do;
    if (what !== "previous" && what !== "next" && what !== "copy") return;
    event.preventDefault();
    if (what === "previous") walk(-1);
    else if (what === "next") walk(1);
    else copy();
  });
}
