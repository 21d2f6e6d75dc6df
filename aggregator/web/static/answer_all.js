// @ts-check
// A lot of answers on its way: how far it is, once a second, z takes back what is still held, and what was taken back is
// there again to be changed.
import { fragment, page } from "./dom.js";
import { forgetWritten, keepWritten } from "./kept.js";
import { offer } from "./keys.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const lot = () => document.getElementById("lot");
const EVERY = 1000;
const SELDOM = 10000; // what may have been sent is found again by polling, or a colleague says it

/** Until nothing is under way any more, and nothing in doubt. */
function goOn() {
  const { underWay, doubted } = lot().dataset;
  if (underWay !== "0" || doubted !== "0") setTimeout(follow, underWay !== "0" ? EVERY : SELDOM);
}

async function follow() {
  try {
    const answer = await fetchPart(`${location.pathname}?part=1`);
    if (answer.ok) {
      const undoing = lot().contains(document.activeElement);
      lot().replaceWith(fragment(await answer.text()));
      paintTimes(lot());
      if (undoing) /** @type {HTMLElement | null} */ (lot().querySelector("[data-undo-lot]"))?.focus();
    }
  } catch {
    // Offline: it goes on by itself, and is shown once we are back.
  }
  goOn();
}

const sheet = () => location.pathname.split("/").slice(0, 4).join("/");

/** What is sent, to whom, until this tab is shut. @param {SubmitEvent} event */
function keep(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.elements.namedItem("zh")) return;
  const fields = [...new FormData(form)].filter(([name]) => !["csrf", "sure", "step", "alter"].includes(name));
  sessionStorage.setItem(new URL(form.action).pathname, JSON.stringify(fields));
}

/** The sheet as it was sent; in another tab, as it begins. */
function writeAgain() {
  const kept = /** @type {[string, string][] | null} */ (JSON.parse(sessionStorage.getItem(sheet()) ?? "null"));
  if (!kept) return location.assign(sheet());
  const form = Object.assign(document.createElement("form"), { method: "post", action: sheet(), hidden: true });
  for (const [name, value] of [["csrf", page.csrf], ["step", "look"], ...kept]) {
    form.append(Object.assign(document.createElement("textarea"), { name, value }));
  }
  document.body.append(form);
  form.submit();
}

export function startAnsweringAll() {
  document.addEventListener("submit", keep);
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-write-again]")) writeAgain();
  });
  // Where it is asked, and not on the yes: a key that is held down must not give it.
  /** @type {HTMLElement | null} */ (document.querySelector("[data-first]"))?.focus();
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("answer"));
  if (form) {
    // Reloading, and coming back, show the sheet; what was posted is not posted again, nor asked for where it is gone.
    history.replaceState(history.state, "", location.href);
    keepWritten(form, { given: form.dataset.given === "1" });
  }
  if (!lot()) return;
  forgetWritten(sheet());
  offer({ undo: () => /** @type {HTMLElement | null} */ (lot().querySelector("[data-undo-lot]"))?.click() });
  goOn();
}
