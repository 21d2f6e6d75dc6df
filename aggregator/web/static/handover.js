// @ts-check
// The hand-over: its text goes to the clipboard by one click, and the page to the printer.
import { say, tell } from "./dom.js";
import { fetchPart } from "./session.js";

/** @param {string} text */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // On plain http browsers have no clipboard for scripts but the old one.
  const box = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  if (!copied) throw new Error("refused");
}

export function startHandover() {
  const print = document.querySelector("[data-print]");
  print.removeAttribute("hidden");
  print.addEventListener("click", () => globalThis.print());
  document.querySelector("[data-copy-text]").addEventListener("click", async (event) => {
    event.preventDefault();
    const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
    try {
      const answer = await fetchPart(link.href);
      if (!answer.ok) return;
      await copy(await answer.text());
      tell(say("copied"));
    } catch {
      location.assign(link.href); // to be copied by hand
    }
  });
}
