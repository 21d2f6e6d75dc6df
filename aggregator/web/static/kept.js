// @ts-check
// What is written into a form that no server keeps outlives a reload, and another language: it waits in this tab, from
// leaving the page to coming back. What looks like a secret is not kept.
import { page, say, tell } from "./dom.js";

const WAIT = 1000; // after the last key

/** @typedef {{texts: Record<string, string>, ticks: Record<string, boolean>, base: Record<string, string>}} Written */

/** @param {string} path of the page with the form */
const keyOf = (path) => `kept/${page.user}${path}`;

/** It was sent. @param {string} path */
export const forgetWritten = (path) => sessionStorage.removeItem(keyOf(path));

/**
 * @param {HTMLFormElement} form
 * @param {{given?: boolean, isSent?: (written: Written) => boolean, path?: string, base?: string}} [how] given: the server
 *   has just given back what was written; isSent: whether that need not be written again; path: where several pages have
 *   the form; base: how the fields' names begin that say from which version each text began. Then only what was changed is
 *   kept, with its version: the server tells whether somebody else has changed it since
 */
export function keepWritten(form, { given = false, isSent = () => false, path = location.pathname, base = "" } = {}) {
  let secret = false;
  let timer = 0;
  const texts = () => /** @type {HTMLTextAreaElement[]} */ ([...form.elements].filter((one) => one instanceof HTMLTextAreaElement));
  const ticks = () => /** @type {HTMLInputElement[]} */ ([...form.elements].filter((one) => one instanceof HTMLInputElement && one.type === "checkbox"));
  const own = () => texts().filter((one) => given || !base || one.value !== one.defaultValue);
  const begun = (/** @type {string} */ name) => /** @type {HTMLInputElement | null} */ (base ? form.elements.namedItem(base + name) : null);
  const changed = () => given || texts().some((one) => one.value !== one.defaultValue) || ticks().some((one) => one.checked !== one.defaultChecked);

  /** @returns {Written} */
  const written = () => ({
    texts: Object.fromEntries(own().map((one) => [one.name, one.value])),
    ticks: Object.fromEntries(ticks().map((one) => [one.value, one.checked])),
    base: Object.fromEntries(own().map((one) => [one.name, begun(one.name)?.value ?? ""])),
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
      const version = begun(name);
      if (version) version.value = kept.base[name];
    }
    for (const one of ticks()) one.checked = kept.ticks[one.value] ?? one.checked;
    form.closest("details")?.setAttribute("open", "");
  }

  const kept = /** @type {Written | null} */ (JSON.parse(sessionStorage.getItem(keyOf(path)) ?? "null"));
  sessionStorage.removeItem(keyOf(path));
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
    if (!secret && changed()) sessionStorage.setItem(keyOf(path), JSON.stringify(written()));
  });
}
