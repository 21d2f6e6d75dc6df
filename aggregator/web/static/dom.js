// @ts-check
// The page's own facts, our fragments of HTML, and what is said to the person.

export const page = document.documentElement.dataset;

/** The one Trusted Types policy: only for HTML that our server rendered, and for our worker's address. */
const policy = globalThis.trustedTypes?.createPolicy("feed", {
  createHTML: (text) => text,
  createScriptURL: (url) => {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError("not ours");
    return url;
  },
});

/** @param {string} text HTML from our server @returns {DocumentFragment} */
export function fragment(text) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(text) : text;
  return template.content;
}

/** @param {string} url */
export const scriptUrl = (url) => (policy ? policy.createScriptURL(url) : url);

/** @type {Record<string, string>} */
const strings = await (await fetch(page.strings)).json();

/** @param {string} name @param {Record<string, string | number>} [values] what is not among them stays as it is written */
export function say(name, values = {}) {
  return strings[name].replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/** @param {string} name */
export const stateWord = (name) => strings[`state_${name}`] ?? name;

/**
 * A message with buttons; it stays while hovered or focused. Errors are alerts.
 * @param {string} text @param {{error?: boolean, buttons?: [string, () => void][]}} [how]
 */
export function tell(text, { error = false, buttons = [] } = {}) {
  const region = document.getElementById(error ? "alarm" : "said");
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.append(text);
  for (const [label, run] of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      toast.remove();
      run();
    });
    toast.append(" ", button);
  }
  region.replaceChildren(toast);
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000);
    else toast.remove();
  };
  setTimeout(leave, 10000);
}

/** What was done by keys and is still to be sent or told. @type {Promise<unknown>} */
let owed = Promise.resolve();
/** No key leaves the page before this is done, or has failed. @template T @param {Promise<T>} work @returns {Promise<T>} */
export function owe(work) {
  owed = Promise.allSettled([owed, work]);
  return work;
}
/** When that is done, or the server has taken too long over it. */
export const paid = () => Promise.race([owed, new Promise((enough) => setTimeout(enough, 3000))]);

/** Go to another page. Without a connection there is none, and what is read here would be gone. @param {string} url */
export async function leave(url) {
  await paid();
  const away = page.live === "" || !navigator.onLine;
  if (away && !(await fetch(page.strings, { method: "HEAD", cache: "no-store" }).catch(() => null))) tell(say("no_connection"), { error: true });
  else location.assign(url);
}

/** @param {string} name @param {boolean} on @param {string} [text] */
export function strip(name, on, text = "") {
  const bar = document.getElementById(name);
  if (!bar) return;
  bar.hidden = !on;
  bar.textContent = text;
}
