// @ts-check
// What is written is kept: in this browser at each key, on the server two seconds after, and then there alone. Only a sent
// answer clears it.
import { fragment, page, say, tell } from "./dom.js";
import { field, tellGaps } from "./inserting.js";
import { postAsMe, sessionEnded } from "./session.js";
import { paintTimes, serverNow } from "./times.js";

const WAIT = 2000; // after the last key
const LONGEST_WAIT = 6000; // while somebody types on and on
const RETRY = 10000;
const DAYS_KEPT = 14;

/** @typedef {{text: string, at: number, base: number, sent?: string}} Local at: the server's Unix time */

const inquiry = () => /** @type {HTMLElement} */ (document.getElementById("inquiry")).dataset.id;
const key = () => `draft/${page.user}/${inquiry()}`;
/** The version on the server that this box began from. */
const versionInput = () => /** @type {HTMLInputElement | null} */ (document.querySelector("#composer [name=draft]"));
const base = () => Number(versionInput()?.value ?? 0);

let stored = ""; // the text that the server has, as far as we know
let timer = 0;
let secret = false; // what stands here may be kept nowhere
let asked = false; // to sign in again
let since = 0; // when the oldest key that is not saved was pressed
/** @type {Promise<void> | null} */
let saving = null;

/** @param {number} version */
function setBase(version) {
  const input = versionInput();
  if (input) input.value = String(version);
}

/** @param {string} said @param {number | null} at a time that goes into it */
function state(said, at = null) {
  const line = document.getElementById("draft-state");
  if (!line) return;
  if (at === null) {
    line.textContent = said;
    return;
  }
  const time = Object.assign(document.createElement("time"), { className: "ago", dateTime: new Date(at * 1000).toISOString() });
  const [before, after] = said.split("{ago}");
  line.replaceChildren(before, time, after ?? "");
  paintTimes(line);
}

/** @param {string} name @returns {Local | null} */
function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Partial<Local>} [more] */
function keepHere(more = {}) {
  if (secret) return;
  const text = field().value;
  try {
    if (!text && !more.sent) localStorage.removeItem(key());
    else localStorage.setItem(key(), JSON.stringify({ text, at: serverNow(), base: base(), ...more }));
  } catch {
    // No room, or no storage at all: the server still keeps it.
  }
}

/** The server has it: the other tabs hear so, and here, where others may sit down, nothing stays. @param {Partial<Local>} [more] */
function handOver(more) {
  keepHere(more);
  forget(key());
}

/** @param {string} name */
function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // No storage at all.
  }
}

/** Drafts that nobody has gone on with, of whatever inquiry, and what was sent. */
function sweep() {
  for (const name of names()) {
    const { at = 0, sent } = read(name) ?? {};
    if (sent !== undefined || serverNow() - at > DAYS_KEPT * 86400) forget(name);
  }
}

function names() {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith("draft/"));
  } catch {
    return []; // no storage at all
  }
}

/** Save at once. @param {{base?: number}} [how] */
async function save(how = {}) {
  clearTimeout(timer);
  since = 0;
  if (saving) await saving;
  saving = post(how).finally(() => (saving = null));
  await saving;
}

/** @param {{base?: number}} how */
async function post(how) {
  const box = field();
  if (!box) return;
  const text = box.value;
  try {
    const answer = await postAsMe(`/inquiry/${inquiry()}/draft`, {
      keepalive: text.length < 20000, // browsers take no more of it while a page is left
      body: new URLSearchParams({ text, base: String(how.base ?? base()) }),
    });
    if (answer.status === 200) take(await answer.json());
    else if (answer.status === 422) {
      secret = true;
      forget(key()); // a secret stays nowhere
      state(say("draft_secret"));
    } else if (answer.status === 401 || answer.status === 403) {
      state(say("draft_signed_out"));
      if (!asked) tell(say("session_over"), { error: true, buttons: [[say("sign_in"), () => sessionEnded(true)]] });
      asked = true;
    } else later();
  } catch {
    later();
  }
}

function later() {
  state(say("draft_here"));
  timer = setTimeout(save, RETRY);
}

/** What the server has now. @param {{version: number, saved: number, text: string, html: string}} told */
function take(told) {
  secret = false;
  setBase(told.version);
  stored = told.text;
  const kept = document.getElementById("kept");
  const open = kept?.querySelector("details")?.open ?? false;
  kept?.replaceChildren(fragment(told.html));
  const details = kept?.querySelector("details");
  if (details) details.open = open;
  if (kept) paintTimes(kept);
  if (field().value !== told.text) return;
  handOver();
  if (told.text) state(say("draft_saved"), told.saved);
  else state("");
}

/** A key was pressed, or a text was put in. @param {boolean} composing an input method is at work */
function changed(composing) {
  keepHere();
  tellGaps();
  if (composing) return;
  if (field().value !== stored) state(say("draft_saving"));
  const now = performance.now();
  since ||= now;
  clearTimeout(timer);
  timer = setTimeout(save, Math.min(WAIT, Math.max(0, since + LONGEST_WAIT - now)));
}

/** The answer is being sent: until we hear what became of it, a save would come after it and make it a draft again. */
export function pause() {
  clearTimeout(timer);
  since = 0;
}

/** It was not taken, as far as we know: its text is a draft still. Not so if the page is being left, which breaks off, too. */
export function resume() {
  clearTimeout(timer);
  if (field() && field().value !== stored) timer = setTimeout(save, WAIT);
}

/** The answer is on its way: its draft is done. @param {string} text @param {any} [told] what the server has now */
export async function sent(text, told) {
  clearTimeout(timer);
  since = 0;
  if (saving) await saving;
  if (told && told.version >= base()) take(told); // a save that came after it has told more
  handOver({ sent: text });
  tellGaps();
  // A save that was under way may have come after it.
  if (!field().value && stored) await save();
  else if (field().value) changed(false);
}

/** Put a text into the box in the place of what stands there, which is kept. @param {string} text */
function restore(text) {
  const box = field();
  if (!box) return;
  const before = box.value;
  box.value = text;
  box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  box.focus();
  save(before.trim() && before !== text ? { base: -1 } : {});
}

/** An answer was taken back. @param {string} text @param {any} [told] */
export function takenBack(text, told) {
  const box = field();
  if (!box) return;
  if (!box.value.trim()) {
    box.value = text;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    box.focus();
  } else if (!told) offer(say("draft_newer_here"), text);
  keepHere();
  if (told) take(told);
}

/** @param {string} said @param {string} text */
function offer(said, text) {
  const kept = document.getElementById("kept");
  if (!kept || !text.trim() || text === field().value) return;
  kept.querySelector(".offer")?.remove();
  const line = Object.assign(document.createElement("p"), { className: "strip offer", textContent: `${said} ` });
  line.setAttribute("role", "status");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("draft_take") });
  button.addEventListener("click", () => {
    line.remove();
    restore(text);
  });
  line.append(button);
  kept.prepend(line);
}

/** Another tab of this browser wrote. The newer text wins, where nobody is writing here. @param {StorageEvent} event */
function elsewhere(event) {
  const box = field();
  if (!box || event.key !== key() || !event.newValue) return;
  /** @type {Local} */
  const told = JSON.parse(event.newValue);
  // All that stands here is saved: nobody has typed for seconds, and nobody types in two places at once.
  const clean = box.value === stored && !saving && !since;
  if (told.sent !== undefined) {
    if (box.value.trim() !== told.sent.trim()) return;
    box.value = "";
    stored = "";
    setBase(told.base);
    state("");
    tellGaps();
    return;
  }
  if (told.text === box.value) setBase(told.base);
  else if (clean) {
    const before = box.value;
    box.value = told.text;
    stored = told.text;
    setBase(told.base);
    tellGaps();
    state(say("draft_taken"));
    if (!told.text.startsWith(before)) offer(say("draft_newer_here"), before);
  } else offer(say("draft_newer"), told.text);
}

/** What this browser kept, and the server does not have. */
function takeUp() {
  const box = field();
  const kept = read(key());
  stored = box.value;
  const saved = Number(box.dataset.saved);
  if (box.value) state(say("draft_saved"), saved);
  if (kept?.text === box.value) forget(key());
  if (!kept?.text.trim() || kept.text === box.value) return;
  if (kept.base === base() || (kept.at > saved && box.value)) {
    box.value = kept.text;
    save({ base: kept.base });
  } else offer(say("draft_newer_here"), kept.text);
}

export function startDrafts() {
  if (!field()) return;
  sweep();
  takeUp();
  tellGaps();
  document.addEventListener("input", (event) => {
    if (event.target === field()) changed(/** @type {InputEvent} */ (event).isComposing);
  });
  document.addEventListener("compositionend", (event) => {
    if (event.target === field()) setTimeout(() => changed(false));
  });
  document.addEventListener("click", (event) => {
    const item = /** @type {Element} */ (event.target).closest("[data-restore]")?.closest("li");
    if (item) restore(/** @type {HTMLElement} */ (item.querySelector("[data-text]")).dataset.text);
  });
  addEventListener("storage", elsewhere);
  addEventListener("signedin", () => {
    asked = false;
    if (field()?.value !== stored) save();
  });
  addEventListener("online", () => field()?.value !== stored && save());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && since) save();
  });
  addEventListener("pagehide", () => {
    if (since) save();
  });
  setInterval(() => {
    const line = document.getElementById("draft-state");
    if (line?.querySelector("time")) paintTimes(line);
  }, 5000);
}
