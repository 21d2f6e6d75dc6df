// @ts-check
// The box in which an answer is written: send by Ctrl+Enter, count, copy. Nothing but its writer ever clears it.
import { explain } from "./actions.js";
import { fragment, page, say, tell } from "./dom.js";
import { show } from "./outgoing.js";
import { paintTimes } from "./times.js";

const box = () => document.getElementById("composer");
const text = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById("reply"));
/** @param {string} name */
const part = (name) => /** @type {HTMLElement | null} */ (box()?.querySelector(`[data-reply="${name}"]`));
let sending = false;

export const focus = () => text()?.focus();

/** Put a text back that was not sent, unless another one is being written. @param {string} said */
export function restore(said) {
  const field = text();
  if (!field || field.value.trim()) return;
  field.value = said;
  field.focus();
  count();
}

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
  region.replaceChildren(said, ...(html ? [fragment(html)] : []));
  paintTimes(region);
}

async function send() {
  const form = /** @type {HTMLFormElement | null} */ (box()?.querySelector("form"));
  if (!form || sending || !part("send")) return;
  sending = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { accept: "application/json", "x-csrf": page.csrf },
      body: new URLSearchParams(/** @type {any} */ (new FormData(form))),
    });
    const told = [202, 409, 422].includes(response.status) ? await response.json() : null;
    if (response.status === 202) {
      text().value = "";
      object("");
      count();
      show(told.html, true);
    } else if (response.status === 409) {
      // What stopped it is shown now: who sends again, has read it.
      if (told.seen) /** @type {HTMLInputElement} */ (form.elements.namedItem("seen")).value = told.seen;
      if (told.ver) /** @type {HTMLInputElement} */ (form.elements.namedItem("ver")).value = told.ver;
      object(told.said, told.html);
    } else if (response.status === 422) object(told.objections.map((each) => each.said).join(" "));
    else explain(response.status, null, "");
  } catch {
    tell(say("no_connection"), { error: true });
  } finally {
    sending = false;
  }
}

async function copy() {
  const field = text();
  field.select();
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
    else if (!document.execCommand("copy")) throw new Error("refused");
    tell(say("copied"));
  } catch {
    tell(say("not_copied"), { error: true });
  }
}

/**
 * The page is about to be replaced by a fresh one: what is being written stays, with its place.
 * @param {DocumentFragment | HTMLElement} fresh @returns {() => void} to be called afterwards
 */
export function keepIn(fresh) {
  const [kept, next, field] = [box(), fresh.querySelector("#composer"), text()];
  if (!kept || !next || !field || (!field.value && document.activeElement !== field)) return wire;
  for (const name of ["ver", "seen"]) {
    const value = /** @type {HTMLInputElement} */ (next.querySelector(`[name=${name}]`)).value;
    /** @type {HTMLInputElement} */ (kept.querySelector(`[name=${name}]`)).value = value;
  }
  const focused = document.activeElement === field;
  const [start, end, top] = [field.selectionStart, field.selectionEnd, field.scrollTop];
  next.replaceWith(kept);
  return () => {
    if (focused) field.focus({ preventScroll: true });
    field.setSelectionRange(start, end);
    field.scrollTop = top;
  };
}

/** What needs a script is shown. */
function wire() {
  part("copy")?.removeAttribute("hidden");
}

export function startComposer() {
  wire();
  document.addEventListener("submit", (event) => {
    if (!/** @type {Element} */ (event.target).closest("#composer")) return;
    event.preventDefault();
    send();
  });
  document.addEventListener("input", (event) => {
    if (event.target === text()) count();
  });
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-reply=copy]")) copy();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== text() || event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    send();
  });
}
