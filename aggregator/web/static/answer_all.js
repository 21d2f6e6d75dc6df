// @ts-check
// A lot of answers on its way: how far it is, once a second, and z takes back what is still held.
import { fragment } from "./dom.js";
import { offer } from "./keys.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const lot = () => document.getElementById("lot");
const EVERY = 1000;

/** Until nothing is under way any more. */
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
  if (lot().dataset.underWay !== "0") setTimeout(follow, EVERY);
}

export function startAnsweringAll() {
  // Where it is asked, and not on the yes: a key that is held down must not give it.
  /** @type {HTMLElement | null} */ (document.querySelector("[data-first]"))?.focus();
  if (!lot()) return;
  offer({ undo: () => /** @type {HTMLElement | null} */ (lot().querySelector("[data-undo-lot]"))?.click() });
  if (lot().dataset.underWay !== "0") setTimeout(follow, EVERY);
}
