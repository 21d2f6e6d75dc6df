// @ts-check
// The page of an incident: a notice that is being written outlives what else is done there.
import { keepWritten } from "./kept.js";

/** Saved: it stands so. @param {HTMLFormElement} form @param {Record<string, string>} texts */
const stands = (form, texts) =>
  Object.entries(texts).every(
    ([name, text]) => /** @type {HTMLTextAreaElement | null} */ (form.elements.namedItem(name))?.defaultValue === text.trim(),
  );

export function startIncident() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("#notice form"));
  if (!form) return;
  const given = form.dataset.given === "1";
  keepWritten(form, {
    given,
    isSent: ({ texts }) => stands(form, texts),
    path: new URL(form.action).pathname,
    base: "version_",
  });
}
