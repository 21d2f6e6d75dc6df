// @ts-check
// What is written into a form that no server keeps outlives a reload, and another language: it waits in this tab, from
// leaving the page to coming back. What looks like a secret is not kept.
import { page, say, tell } from "./dom.js";

const WAIT = 1000; // after the last key

/** @typedef {{texts: Record<string, string>, ticks: Record<string, boolean>}} Written */

/** @param {string} [path] of the page with the form */
const keyOf = (path = location.pathname) => `kept/${page.user}${path}`;

/** It was sent. @param {string} path */
export const forgetWritten = (path) => sessionStorage.removeItem(keyOf(path));

/**
 * @param {HTMLFormElement} form
 * @param {{given?: boolean, isSent?: (written: Written) => boolean}} [how] given: the server has just given back what
 *   was written; isSent: whether that need not be written again
 */
export function keepWritten(form, { given = false, isSent = () => false } = {}) {
  let secret = false;
  let timer = 0;
  const texts = () => /** @type {HTMLTextAreaElement[]} */ ([...form.elements].filter((one) => one instanceof HTMLTextAreaElement));
  const ticks = () => /** @type {HTMLInputElement[]} */ ([...form.elements].filter((one) => one instanceof HTMLInputElement && one.type === "checkbox"));
  const changed = () => given || texts().some((one) => one.value !== one.defaultValue) || ticks().some((one) => one.checked !== one.defaultChecked);

  /** @returns {Written} */
  const written = () => ({
    texts: Object.fromEntries(texts().map((one) => [one.name, one.value])),
    ticks: Object.fromEntries(ticks().map((one) => [one.value, one.checked])),
  });

  /** Whether it may be kept. */
  async function look() {
    const body = new URLSearchParams(texts().map((one) => ["text", one.value]));
    const answer = await fetch("/keepable", { method: "POST", headers: { accept: "application/json", "x-csrf": page.csrf }, body }).catch(() => null);
    if (answer?.status === 422 && !secret) tell(say("draft_secret"), { error: true });
    if (answer) secret = answer.status === 422;
  }

  /** @param {Written} kept */
  function putBack(kept) {
    for (const [name, text] of Object.entries(kept.texts)) {
      let field = texts().find((one) => one.name === name);
      if (!field) {
        field = Object.assign(document.createElement("textarea"), { name, hidden: true }); // a text for one of them
        form.append(field);
      }
      field.value = text;
    }
    for (const one of ticks()) one.checked = kept.ticks[one.value] ?? one.checked;
  }

  const kept = /** @type {Written | null} */ (JSON.parse(sessionStorage.getItem(keyOf()) ?? "null"));
  sessionStorage.removeItem(keyOf());
  if (kept && !given && !isSent(kept)) {
    putBack(kept);
    tell(say("written_again"));
    look();
  }
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT);
  });
  addEventListener("pagehide", () => {
    if (!secret && changed()) sessionStorage.setItem(keyOf(), JSON.stringify(written()));
  });
}
