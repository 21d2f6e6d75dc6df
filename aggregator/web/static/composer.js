// @ts-check
// The box in which an answer is written: send by Ctrl+Enter, count, copy. Nothing but its writer ever clears it.
import { explain } from "./actions.js";
import { copyText } from "./copying.js";
import { fragment, owe, say, tell } from "./dom.js";
import { pause, resume, sent, startDrafts } from "./drafts.js";
import { forgetObjections, showObjections } from "./objected.js";
import { show } from "./outgoing.js";
import { startPicker, wirePicker } from "./picker.js";
import { postAsMe } from "./session.js";
import { keepSuggested, startSuggested, wireNotice } from "./suggested.js";
import { paintTimes, serverNow } from "./times.js";

const box = () => document.getElementById("composer");
const text = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById("reply"));
/** @param {string} name */
const part = (name) => /** @type {HTMLElement | null} */ (box()?.querySelector(`[data-reply="${name}"]`));
const SLOW = 1000; // milliseconds without a word from the server
let sending = false;
let key = fresh();

/** By this the server knows the same answer that comes again; `randomUUID` is only for https. */
function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const focus = () => text()?.focus();

/** As the platform counts. @param {string} said @param {string} unit */
function measured(said, unit) {
  if (unit === "bytes") return new TextEncoder().encode(said).length;
  if (unit === "utf16") return said.length;
  const letters = [...said];
  if (unit !== "weibo") return letters.length;
  const narrow = letters.filter((letter) => letter < "\x80").length;
  return letters.length - narrow + Math.ceil(narrow / 2);
}

function count() {
  const [field, told] = [text(), part("length")];
  if (!field?.dataset.longest || !told) return;
  const [n, longest] = [measured(field.value.trim(), field.dataset.unit), Number(field.dataset.longest)];
  told.hidden = n < 0.8 * longest;
  told.classList.toggle("bad", n > longest);
  told.textContent = say("left_characters", { n, longest });
}

/** @param {string} said @param {string} [html] what others have answered */
function object(said, html = "") {
  const region = part("said");
  region.classList.remove("warn");
  region.replaceChildren(said, ...(html ? [fragment(html)] : []));
  paintTimes(region);
  if (said) region.scrollIntoView({ block: "nearest" });
}

/** It was taken: what has been typed since stays. @param {string} said @param {{html: string, draft?: any}} told */
function taken(said, told) {
  key = fresh();
  const field = text();
  if (field.value === said) field.value = "";
  else if (field.value.startsWith(said)) field.setRangeText("", 0, said.length, "preserve"); // the caret stays at its word
  object("");
  count();
  forgetObjections();
  sent(said, told.draft);
  show(told.html, true);
  if (!field.value) field.blur(); // while it waits, z is to take it back and not to be written
}

async function send() {
  const form = /** @type {HTMLFormElement | null} */ (box()?.querySelector("form"));
  if (!form || sending || !part("send")) return;
  sending = true;
  let done = false;
  pause();
  const said = text().value;
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  body.set("key", key);
  const slow = setTimeout(() => {
    object(say("sending"));
    part("said").classList.add("warn"); // no complaint
  }, SLOW);
  try {
    const response = await postAsMe(form.action, {
      keepalive: String(body).length < 20000, // it arrives though the page is left; browsers let no more of it live on
      body,
    });
    const told = [202, 409, 422].includes(response.status) ? await response.json() : null;
    done = response.status === 202;
    if (done) taken(said, told);
    else if (response.status === 409) {
      // What stopped it is shown now: who sends again, has read it.
      if (told.seen) /** @type {HTMLInputElement} */ (form.elements.namedItem("seen")).value = told.seen;
      if (told.ver) /** @type {HTMLInputElement} */ (form.elements.namedItem("ver")).value = told.ver;
      object(told.said, told.html);
    } else if (response.status === 422) showObjections(part("said"), told.objections, said.length - said.trimStart().length);
    else explain(response.status, null, "");
  } catch {
    tell(say("send_again"), { error: true });
  } finally {
    clearTimeout(slow);
    if (part("said")?.textContent === say("sending")) object("");
    sending = false;
    if (!done) resume();
  }
}

function copy() {
  const field = text();
  field.select();
  copyText(field.value);
}

/**
 * The page is about to be renewed: what must not be touched is the box that somebody writes in, else its text alone.
 * @param {DocumentFragment | HTMLElement} fresh @returns {{kept: Element, twin: Element} | null}
 */
export function keepIn(fresh) {
  const [mine, next, field] = [box(), fresh.querySelector("#composer"), text()];
  if (!mine || !next || !field) return null;
  const whole = Boolean(field.value) || mine.contains(document.activeElement);
  /** @param {Element} of @param {string} name */
  const input = (of, name) => /** @type {HTMLInputElement} */ (of.querySelector(`[name=${name}]`));
  // What the page shows now has been seen; the draft goes on from where it was.
  for (const name of ["ver", "seen"]) input(mine, name).value = input(next, name).value;
  input(next, "draft").value = input(mine, "draft").value;
  return whole ? { kept: mine, twin: next } : { kept: field, twin: next.querySelector("#reply") };
}

/** What needs a script is shown, and what was loaded stands there again. */
export function wireComposer() {
  part("copy")?.removeAttribute("hidden");
  wirePicker();
  keepSuggested();
  wireNotice();
  tellWindow();
}

/** Whether the platform still takes an answer, by the server's clock. */
function tellWindow() {
  const left = /** @type {HTMLElement | null} */ (document.querySelector("#composer .window"));
  if (!left || Date.parse(left.dataset.until) / 1000 > serverNow()) return;
  left.textContent = say("window_over", { channel: box().dataset.channel });
  left.className = "window over";
}

export function startComposer() {
  startDrafts();
  startPicker();
  startSuggested();
  wireComposer();
  setInterval(tellWindow, 20000);
  document.addEventListener("submit", (event) => {
    if (!/** @type {Element} */ (event.target).closest("#composer")) return;
    event.preventDefault();
    owe(send());
  });
  document.addEventListener("input", (event) => {
    if (event.target === text()) count();
  });
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-reply=copy]")) copy();
  });
  // A keyboard on the screen has taken room: the button below the box must stay in sight (phone.css).
  visualViewport?.addEventListener("resize", () => document.activeElement === text() && text().scrollIntoView({ block: "nearest" }));
  document.addEventListener("keydown", (event) => {
    if (event.target !== text() || event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    owe(send());
  });
}
