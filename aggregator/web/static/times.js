// @ts-check
// Relative times and countdowns, by the server's clock. One timer: a minute, or a second while a promise is close.
import { page, say } from "./dom.js";

const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "narrow" });
let offset = Number(page.now) * 1000 - Date.now();
const CLOSE = 5 * 60;
const JUST_NOW = 5;

/** @param {number} seconds the server's Unix time */
export function setClock(seconds) {
  offset = seconds * 1000 - Date.now();
}

/** The server's Unix time, now. */
export const serverNow = () => (Date.now() + offset) / 1000;

/** Chinese with a space behind a number, as in all our sentences. @param {number} count @param {Intl.RelativeTimeFormatUnit} unit */
const told = (count, unit) => relative.format(Math.round(count), unit).replace(/(\d)(?=\p{Script=Han})/u, "$1 ");

/** @param {number} seconds */
function ago(seconds) {
  if (seconds >= 0 && seconds < JUST_NOW) return say("just_now");
  const size = Math.abs(seconds);
  if (size < 45) return told(-seconds, "second");
  if (size < 45 * 60) return told(-seconds / 60, "minute");
  if (size < 22 * 3600) return told(-seconds / 3600, "hour");
  return told(-seconds / 86400, "day");
}

/** @param {number} seconds */
function length(seconds) {
  if (seconds < CLOSE) return seconds < 60 ? say("seconds_short", { n: seconds }) : say("minutes_short", { n: Math.floor(seconds / 60) });
  if (seconds < 5400) return say("minutes_short", { n: Math.round(seconds / 60) });
  if (seconds < 129600) return say("hours_short", { n: Math.round(seconds / 3600) });
  return say("days_short", { n: Math.round(seconds / 86400) });
}

/** What is past stays so: another clock may be seconds ahead of this one. @param {ParentNode} root @returns {boolean} whether a promise is so close that seconds matter */
export function paintTimes(root = document) {
  const now = Date.now() + offset;
  let close = false;
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time"))) {
    const seconds = Math.round((now - Date.parse(time.dateTime)) / 1000);
    const text = time.className === "for" ? length(Math.max(0, seconds)) : time.className.startsWith("due") ? (seconds > 0 ? say("overdue", { time: length(seconds) }) : length(-seconds)) : ago(time.className === "ago" ? Math.max(0, seconds) : seconds);
    if (time.textContent !== text) time.textContent = text;
    if (!time.className.startsWith("due")) continue;
    time.className = seconds > 0 ? "due over" : -seconds < 1800 ? "due soon" : "due";
    close ||= Math.abs(seconds) < CLOSE;
  }
  return close;
}

export function startClock() {
  const tick = () => setTimeout(tick, paintTimes() ? 1000 : 20000);
  tick();
}
