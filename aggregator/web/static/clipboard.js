// @ts-check
// Copying. Away from localhost, plain http has no clipboard but an old way that needs a field.
import { say, tell } from "./dom.js";

/** @param {string} text */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const had = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "sr" });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  had?.focus({ preventScroll: true });
  if (!done) throw new Error("refused");
}

/** The address of an inquiry. @param {string | undefined} id */
export async function copyLink(id) {
  if (!id) return;
  try {
    await copy(`${location.origin}/inquiry/${id}`);
    tell(say("copied"));
  } catch {
    tell(say("not_copied"), { error: true });
  }
}
