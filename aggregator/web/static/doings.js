// @ts-check
// Buttons, keys and small dialogs for what can be done with one inquiry, or with many that are picked. Where to show the
// outcome is not known here: every change is told as an event `did` of the document.
import { changed, explain, post, reason, remember, send, undoLast, undone } from "./actions.js";
import { fragment, owe, page, say, tell } from "./dom.js";
import { fetchPart, sessionEnded } from "./session.js";
import { paintTimes } from "./times.js";

/** @typedef {{id: string, ver: string}} One */
/** @typedef {{items: One[]} | {query: string, as_of: string}} Many picked ones, or all that match a view */

/** What each action of keys.js asks for; `more` is sent along, `alone` never to many. @type {Record<string, {what: string, asks?: boolean, alone?: boolean, more?: Record<string, string>}>} */
export const DEEDS = {
  claim: { what: "claim" },
  release: { what: "release" },
  assign: { what: "assign", asks: true },
  assign_me: { what: "assign", more: { to: "me" } },
  waiting: { what: "wait" },
  snooze: { what: "snooze", asks: true },
  close: { what: "close", asks: true },
  kind: { what: "label", asks: true },
  override: { what: "band", asks: true },
  merge: { what: "merge", asks: true },
  note: { what: "note", asks: true, alone: true },
  block: { what: "flag", asks: true, alone: true },
  unread: { what: "unread", alone: true },
};

/** One after the other, in the order of the keys. @type {Promise<unknown>} */
let queue = Promise.resolve();

/** When its turn comes; whatever becomes of it, the next one has its turn. @template T @param {() => Promise<T>} work @returns {Promise<T | void>} */
function next(work) {
  const done = queue.then(work).catch(reportError);
  queue = done;
  return owe(done);
}

/** All of them for what is on screen, by the names of keys.js. @param {() => One | null} target */
export function deedsFor(target) {
  /** @type {Record<string, () => void>} */
  const bound = { undo: () => void undo() };
  for (const [name, { what, asks, more }] of Object.entries(DEEDS)) bound[name] = () => (asks ? ask(what, target) : void act(what, target, more));
  return bound;
}

/**
 * Do it. The target is looked up when its turn comes: by then what went before may have changed its version.
 * @param {string} what @param {One | (() => One | null)} target @param {Record<string, string>} [more]
 */
export function act(what, target, more = {}) {
  return next(async () => {
    const one = typeof target === "function" ? target() : target;
    if (!one || !page.acts) return;
    const { status, answer } = await post(one.id, what, one.ver, more);
    took(one.id, what, status, answer);
    await settled();
  });
}

export const undo = () => next(() => undoLast().then(settled));

/** Whoever hears `did` may have to fetch something before the next version is known. */
const settled = () => Promise.all(pending.splice(0));
/** @type {Promise<unknown>[]} */
const pending = [];
/** To be called by a listener of `did`: the next action waits for it. @param {Promise<unknown>} work */
export const wait = (work) => pending.push(work);

/** @param {string} id @param {string} what @param {number} status @param {import("./actions.js").Answer | null} answer */
function took(id, what, status, answer) {
  if (status === 200) remember(answer, undo);
  else explain(status, answer, id);
  if (answer?.facts) changed(id, what, status, answer);
}

/**
 * To many at once; more than fifty ask first.
 * @param {string} what @param {Many} many @param {Record<string, string>} [details]
 * @returns {Promise<any>} the answer of the server, or null
 */
export function actOnMany(what, many, details = {}) {
  return next(() => withMany(what, many, details, 0));
}

/** @param {string} what @param {Many} many @param {Record<string, string>} details @param {number} sure @returns {Promise<any>} */
async function withMany(what, many, details, sure) {
  if (sure) tell(say("loading"));
  const { status, answer } = await send("/bulk", JSON.stringify({ what, details, sure, ...many }));
  if (status === 200 && answer.ask) return (await sureOf(answer.ask.said)) ? withMany(what, many, details, answer.ask.count) : null;
  if (status !== 200) explain(status, answer, "");
  else {
    remember(answer, undo);
    if (answer.refused.length) tell(answer.said, { buttons: [[say("show"), () => showRefused(answer)], ...(answer.undo ? [/** @type {[string, () => void]} */ ([say("undo"), undo])] : [])] });
    for (const [id, row] of Object.entries(answer.rows)) changed(id, what, 200, /** @type {any} */ (row));
  }
  return answer;
}

// -- the dialog ----------------------------------------------------------------------------------

/** @type {HTMLDialogElement | null} */
let dialog = null;
/** @type {(() => void) | null} */
let whenClosed = null;

/** An empty dialog on screen at once, so that no key goes astray while its content comes. */
function open() {
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "asking";
    dialog.addEventListener("keydown", press);
    dialog.addEventListener("submit", submit);
    dialog.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target === dialog || target.closest("[data-cancel]")) {
        event.preventDefault();
        dialog.close();
      }
    });
    dialog.addEventListener("close", closed);
    document.body.append(dialog);
  }
  keepText();
  typed = "";
  fills += 1;
  dialog.replaceChildren(Object.assign(document.createElement("p"), { className: "note", textContent: say("loading") }));
  dialog.setAttribute("aria-label", say("loading"));
  if (!dialog.open) {
    opener = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.showModal();
  }
}

/** What had the focus. @type {HTMLElement | null} */
let opener = null;

/** The focus goes back to where it came from, or to what stands there now. */
function closed() {
  if (dialog.open) return; // the next key has opened it again
  keepText();
  dialog.replaceChildren();
  asked = null;
  whenClosed?.();
  whenClosed = null;
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  else focusAgain(opener);
}

/** What was written into a dialog that was left, by where it would have gone; in this page alone. @type {Map<string, string>} */
const kept = new Map();

function keepText() {
  const box = dialog.querySelector("textarea");
  if (box?.value.trim()) kept.set(box.form.action, box.value);
  else if (box) kept.delete(box.form.action);
}

/** After a part of the page was replaced: the same button of it. @param {HTMLElement | null} was */
export function focusAgain(was) {
  const kind = was?.dataset.ask ? `[data-ask="${was.dataset.ask}"]` : was?.dataset.do ? `[data-do="${was.dataset.do}"]` : "";
  const next = kind && document.querySelector(`.doings ${kind}`);
  const instead = was && (was.dataset.ask || was.dataset.do) ? document.querySelector(".doings button, .doings a") : null;
  /** @type {HTMLElement | null} */ (next || instead)?.focus({ preventScroll: true });
}

/** What gets the focus, the better first. */
const FIRST = ["[autofocus]", "input:checked", ".pick", "input:not([type=hidden])", "button"];

/** @param {string} html */
function show(html) {
  dialog.replaceChildren(fragment(html));
  dialog.removeAttribute("aria-label");
  dialog.setAttribute("aria-labelledby", "ask-title");
  paintTimes(dialog);
  const first = /** @type {HTMLElement | undefined} */ (FIRST.map((one) => dialog.querySelector(one)).find(Boolean));
  first?.focus();
  const box = dialog.querySelector("textarea");
  if (box) box.value ||= kept.get(box.form.action) ?? "";
  if (first?.matches("textarea, input:not([type=radio])")) /** @type {HTMLInputElement} */ (first).value += typed;
  else {
    const [, digit, rest] = /(\d)(.*)/.exec(typed) ?? [];
    if (digit) choose(digit);
    // What was pressed after the choice was meant for the page below.
    if (!dialog.open) for (const key of rest) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: key !== key.toLowerCase(), bubbles: true }));
  }
  typed = "";
}

/** For whom the open dialog asks. @type {{what: string, one: () => One} | {what: string, many: Many, then: (answer: any) => void} | null} */
let asked = null;

/**
 * Ask for more, then do it. The version that counts is the one on screen when the dialog is answered.
 * @param {string} what @param {One | (() => One | null)} target
 */
export function ask(what, target) {
  const now = () => (typeof target === "function" ? target() : target);
  const one = now();
  if (!one || !page.acts) return;
  open();
  asked = { what, one: () => now() ?? one };
  load(`/inquiry/${one.id}/do/${what}?part=1`);
}

/** The same for many. @param {string} what @param {Many} many @param {(answer: any) => void} [then] */
export function askForMany(what, many, then = () => {}) {
  open();
  asked = { what, many, then };
  load(`/bulk/do/${what}?part=1`);
}

export function showRecent() {
  open();
  load("/recent?part=1");
}

/** How often the dialog was opened or filled: what was asked for before that is not to be shown any more. */
let fills = 0;

/** @param {string} url */
async function load(url) {
  const mine = (fills += 1);
  const answer = await fetchPart(url).catch(() => null);
  const html = await answer?.text().catch(() => null);
  if (mine !== fills || !dialog.open) return;
  if (answer?.ok && html) return show(html);
  dialog.close();
  if (answer && !answer.ok) explain(answer.status, null, "");
  else tell(say("no_connection"), { error: true });
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  const fields = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form, button)));
  for (const name of ["csrf", "back", "what", "item"]) delete fields[name];
  if (form.action.endsWith("/undo")) {
    const { status, answer } = await send("/undo", fields);
    undone(status, answer);
    load("/recent?part=1");
    return;
  }
  if (!asked || form.dataset.busy) return;
  form.dataset.busy = "1";
  if ("many" in asked) {
    const { what, many, then } = asked;
    dialog.close();
    then(await actOnMany(what, many, fields));
    return;
  }
  const what = button?.dataset.what ?? asked.what;
  const { one } = asked;
  if (button?.matches(".pick")) {
    // What stands in a list cannot be wrong: the dialog makes way at once, so that no key is lost while the server works.
    delete fields.ver;
    dialog.close();
    act(what, one, fields);
    return;
  }
  delete fields.ver;
  next(() => save(form, what, one, fields));
}

/**
 * What was typed stays on screen until it is saved, or until somebody else was quicker.
 * @param {HTMLFormElement} form @param {string} what @param {() => One} one @param {Record<string, string>} fields
 */
async function save(form, what, one, fields) {
  const { id, ver } = one(); // only now: what went before may have changed its version
  const { status, answer } = await post(id, what, ver, fields);
  delete form.dataset.busy;
  if (status === 200 || status === 409 || !form.isConnected) {
    if (status === 200) {
      kept.delete(form.action);
      form.reset();
    }
    if (form.isConnected) dialog.close();
    took(id, what, status, answer);
    await settled();
  } else if (status === 401) sessionEnded();
  else complain(reason(status, answer));
}

/** @param {string} said */
function complain(said) {
  const message = /** @type {HTMLElement} */ (dialog.querySelector(".message"));
  message.hidden = false;
  message.textContent = said;
}

/** What was typed before there was anything to type it into. */
let typed = "";

/** @param {KeyboardEvent} event */
function press(event) {
  if (!dialog.open || event.isComposing || event.keyCode === 229 || event.altKey) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("textarea")) {
    event.preventDefault();
    target.closest("form").requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || target.matches("input, textarea, select")) return;
  if (!dialog.querySelector(".ask") && event.key.length === 1) {
    event.preventDefault();
    typed += event.key;
    return;
  }
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
  if (digit && !event.shiftKey) {
    event.preventDefault();
    choose(digit);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const picks = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll(".pick")]);
    const at = picks.indexOf(target);
    if (at < 0) return;
    event.preventDefault();
    picks[(at + (event.key === "ArrowDown" ? 1 : picks.length - 1)) % picks.length].focus();
  }
}

/** @param {string} digit */
function choose(digit) {
  /** @type {HTMLButtonElement | null} */ (dialog.querySelector(`[data-digit="${digit}"]`))?.click();
}

/** Whether to go on. @param {string} question @returns {Promise<boolean>} */
function sureOf(question) {
  open();
  const yes = Object.assign(document.createElement("button"), { type: "button", className: "strong", textContent: say("yes") });
  const no = Object.assign(document.createElement("button"), { type: "button", textContent: say("no") });
  no.dataset.cancel = "";
  const title = Object.assign(document.createElement("h2"), { id: "ask-title", textContent: question });
  const buttons = Object.assign(document.createElement("div"), { className: "buttons" });
  buttons.append(yes, no);
  const frame = Object.assign(document.createElement("div"), { className: "ask" });
  frame.append(title, buttons);
  dialog.replaceChildren(frame);
  dialog.removeAttribute("aria-label");
  dialog.setAttribute("aria-labelledby", "ask-title");
  yes.focus();
  return new Promise((answer) => {
    let meant = false;
    yes.addEventListener("click", () => {
      meant = true;
      dialog.close();
    });
    whenClosed = () => answer(meant);
  });
}

/** Those of many that somebody else had. @param {any} answer */
function showRefused(answer) {
  open();
  const title = Object.assign(document.createElement("h2"), { id: "ask-title", textContent: answer.said });
  const list = document.createElement("ul");
  for (const { id, code, said } of answer.refused) {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: `/inquiry/${id}`, textContent: `#${code}` }), ` ${said}`);
    list.append(item);
  }
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: say("shut") });
  close.dataset.cancel = "";
  const frame = Object.assign(document.createElement("div"), { className: "ask" });
  frame.append(title, list, close);
  dialog.replaceChildren(frame);
  dialog.removeAttribute("aria-label");
  dialog.setAttribute("aria-labelledby", "ask-title");
  close.focus();
}

/** The inquiry as this page shows it now. @param {string} id @returns {One | null} */
function shown(id) {
  const { id: found, ver } = /** @type {HTMLElement | null} */ (document.querySelector(`.doings[data-id="${id}"]`))?.dataset ?? {};
  return found ? { id: found, ver } : null;
}

/** Buttons of doings.html, wherever they stand. */
export function startDoings() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const unfold = target.closest("[data-unfold]");
    unfold?.setAttribute("aria-expanded", String(unfold.getAttribute("aria-expanded") !== "true"));
    const button = /** @type {HTMLElement | null} */ (target.closest(".doings [data-do], .doings [data-ask], [data-recent]"));
    if (!button || /** @type {MouseEvent} */ (event).ctrlKey || /** @type {MouseEvent} */ (event).metaKey) return;
    event.preventDefault();
    const { id, ver } = /** @type {HTMLElement | null} */ (button.closest(".doings"))?.dataset ?? {};
    if ("recent" in button.dataset) showRecent();
    else if (button.dataset.ask) ask(button.dataset.ask, () => shown(id) ?? { id, ver });
    else if (button.dataset.do === "undo") {
      if (document.dispatchEvent(new CustomEvent("undo", { cancelable: true }))) undo(); // unless an answer was held back
    }
    else act(button.dataset.do, () => shown(id) ?? { id, ver }, button.dataset.to ? { to: button.dataset.to } : {});
  });
}
