// @ts-check
// Copying a text. Away from localhost, plain http has no clipboard but the old way.
import { say, tell } from "./dom.js";

/** @param {string} text @returns {Promise<void>} rejected: the browser does not let us */
async function put(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const box = Object.assign(document.createElement("textarea"), { value: text, className: "sr", readOnly: true });
  (document.querySelector("dialog[open]") ?? document.body).append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  before?.focus({ preventScroll: true });
  if (!done) throw new Error("refused");
}

/** @param {string} text */
export async function copyText(text) {
  try {
    await put(text);
    tell(say("copied"));
  } catch {
    tell(say("not_copied"), { error: true });
  }
}

/** The address of an inquiry, for a colleague. @param {string | undefined} id */
export function copyLink(id) {
  if (id) copyText(`${location.origin}/inquiry/${id}`);
}

/** Buttons of doings.html. */
export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-copy-link]");
    if (button) copyLink(/** @type {HTMLElement | null} */ (button.closest(".doings"))?.dataset.id);
  });
}
