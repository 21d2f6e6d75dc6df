// @ts-check
// Notices of the desktop, if this person wants them in this browser: for P0, and for what is theirs. Never a post's words.
import { page, say, tell } from "./dom.js";
import { ring } from "./sound.js";

const WANTED = "notices";
const TOLD = "notices:told";
const LONGEST = 200;

const possible = "Notification" in globalThis && isSecureContext;
const wanted = () => possible && localStorage.getItem(WANTED) === "1" && Notification.permission === "granted";

/** The button beside the list says whether they are on. */
function paint() {
  const button = document.querySelector("[data-notices]");
  button?.setAttribute("aria-pressed", String(wanted()));
  /** @type {HTMLElement | null} */ (button?.parentElement).hidden = !possible;
}

export function startNotices() {
  paint();
  document.querySelector("[data-notices]")?.addEventListener("click", toggleNotices);
}

/** Turn them on or off; the browser asks the first time. */
export async function toggleNotices() {
  if (!possible) {
    tell(say("notices_impossible"), { error: true });
    return;
  }
  if (wanted()) localStorage.removeItem(WANTED);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(WANTED, "1");
  else {
    tell(say("notices_refused"), { error: true });
    return;
  }
  tell(say(wanted() ? "notices_on" : "notices_off"));
  paint();
}

/** Once for each news, whichever tab is quicker. @param {string} what */
function first(what) {
  const all = /** @type {string[]} */ (JSON.parse(localStorage.getItem(TOLD) ?? "[]"));
  if (all.includes(what)) return false;
  localStorage.setItem(TOLD, JSON.stringify([...all, what].slice(-LONGEST)));
  return true;
}

/** What somebody did with what is mine. @param {Record<string, string>} data @param {number} [number] of the event */
export function noticeTold(data, number) {
  if (!wanted() || !document.hidden || !first(`told/${number}`)) return;
  const one = new Notification(say(`told_${data.what}`, data), { tag: data.id ?? "told" });
  one.onclick = () => {
    focus();
    location.assign(data.id ? `/inquiry/${data.id}` : "/told");
  };
}

/** @param {{facts: Record<string, string>}} change */
export function notice({ facts }) {
  const loud = page.sound === "1";
  if (!loud && (!wanted() || !document.hidden)) return;
  const mine = facts.owner === page.user;
  const about = facts.band === "P0" && facts.state !== "closed" ? "notice_p0" : mine ? "notice_mine" : "";
  // Of what is mine: that it became mine, or that something new was said there.
  if (!about || !first(`${facts.id}/${about}/${mine ? facts.seen : ""}`)) return;
  if (loud) ring();
  if (!wanted() || !document.hidden) return;
  const one = new Notification(say(about, { code: facts.code }), { body: say("notice_body", { score: Math.max(0, Math.min(99, Math.floor(Number(facts.priority)))), band: facts.band }), tag: facts.id });
  one.onclick = () => {
    focus();
    location.assign(`/inquiry/${facts.id}`);
  };
}
