// @ts-check
// Who else has an inquiry before them, and who is answering it. We say so of ourselves while somebody is at this page.
import { page, say } from "./dom.js";

const BEAT = 20_000; // milliseconds
const ACTIVE = 60_000;
const WRITING = 30_000;
const SPOKEN = 10_000;

/** By inquiry: what each colleague does. @type {Record<string, Record<string, string>>} */
let everybody = {};
let mine = "";
let beat = 0;
let touched = Date.now();
let wrote = 0;
let told = "";
let spoke = 0;
const tab = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(16)).join("");

/** @param {string} inquiry @param {string} doing */
function post(inquiry, doing) {
  told = `${inquiry}/${doing}`;
  fetch("/presence", { method: "POST", keepalive: true, headers: { "x-csrf": page.csrf }, body: new URLSearchParams({ tab, inquiry, doing }) }).catch(() => {});
}

const doing = () => (Date.now() - wrote < WRITING ? "replying" : "viewing");

/** Say it again while somebody is here; whoever says nothing fades. */
function again() {
  clearTimeout(beat);
  if (!mine) return;
  if (!document.hidden && Date.now() - touched < ACTIVE) post(mine, doing());
  beat = setTimeout(again, BEAT);
}

/** What this page shows now; "" nothing. @param {string} inquiry */
function looksAt(inquiry) {
  if (inquiry === mine) return;
  if (mine && !inquiry) post(mine, "gone");
  mine = inquiry;
  wrote = 0;
  clearTimeout(beat);
  if (inquiry) beat = setTimeout(again, 300); // who only passes by is not announced
}

/** @param {Record<string, Record<string, string>>} all */
export function learn(all) {
  everybody = all;
  paintPeople();
}

/** @param {{id: string, people: Record<string, string>}} one */
export function hears({ id, people }) {
  const before = everybody[id] ?? {};
  everybody[id] = people;
  paintPeople(id);
  const writer = Object.keys(people).find((who) => who !== page.user && people[who] === "replying" && before[who] !== "replying");
  if (writer && id === mine && Date.now() - spoke > SPOKEN) {
    spoke = Date.now();
    document.getElementById("heard").textContent = say("is_replying", { who: writer });
  }
}

/** Rows, the preview and the page of an inquiry show who is there. @param {string} [only] one inquiry */
function paintPeople(only) {
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".people"))) {
    const id = /** @type {HTMLElement | null} */ (place.closest("[data-id]"))?.dataset.id;
    if (!id || (only && id !== only)) continue;
    const others = Object.entries(everybody[id] ?? {}).filter(([who]) => who !== page.user);
    if (place.hidden && others.length === 0) continue;
    place.hidden = others.length === 0;
    place.replaceChildren(
      ...others.map(([who, what]) => {
        const person = document.createElement("span");
        person.className = `person ${what}`;
        person.title = say(`is_${what}`, { who });
        const short = place.closest("li.row") && what !== "replying";
        person.textContent = short ? who : person.title;
        return person;
      }),
    );
  }
}

export function startPresence() {
  for (const event of ["keydown", "pointerdown", "pointermove", "wheel"])
    addEventListener(
      event,
      () => {
        const away = Date.now() - touched >= ACTIVE;
        touched = Date.now();
        if (away) again();
      },
      { passive: true },
    );
  document.addEventListener("input", (event) => {
    if (!mine || !(/** @type {Element} */ (event.target).matches("#composer textarea, [data-composer]"))) return;
    const began = Date.now() - wrote >= WRITING;
    wrote = Date.now();
    if (began || told !== `${mine}/replying`) again();
  });
  document.addEventListener("visibilitychange", () => !document.hidden && again());
  document.addEventListener("repainted", () => paintPeople());
  document.addEventListener("previewed", (event) => {
    paintPeople();
    looksAt(/** @type {CustomEvent} */ (event).detail);
  });
  addEventListener("pagehide", () => mine && post(mine, "gone"));
  const inquiry = document.getElementById("inquiry")?.dataset.id;
  if (inquiry) looksAt(inquiry);
}
