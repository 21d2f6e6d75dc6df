// @ts-check
// Copying a text. Away from localhost, plain http has no clipboard but the old way.
import { say, tell } from "./dom.js";

/** @param {string} text @returns {Promise<void>} rejected: the browser does not let us */
export async function put(text) {
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

/** The lines or the field beside a button, which stay selected. @param {Element} button */
function copyBeside(button) {
  const beside = button.parentElement.querySelector("code, input");
  if (beside instanceof HTMLInputElement) beside.select();
  else getSelection().selectAllChildren(beside);
  copyText(beside instanceof HTMLInputElement ? beside.value : beside.textContent);
}

/** Buttons of doings.html, and those beside a text. */
export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-copy-link], [data-copy]");
    if (button?.matches("[data-copy]")) copyBeside(button);
    else if (button) copyLink(/** @type {HTMLElement | null} */ (button.closest(".doings"))?.dataset.id);
  });
}
