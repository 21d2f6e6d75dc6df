// @ts-check
// The hand-over: its text goes to the clipboard by one click, and the page to the printer.
import { put } from "./copying.js";
import { say, tell } from "./dom.js";
import { keepWritten } from "./kept.js";
import { fetchPart } from "./session.js";

export function startHandover() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form.write"));
  const notes = [...document.querySelectorAll("#notes .text")].map((note) => note.textContent.trim());
  if (form) keepWritten(form, { isSent: ({ texts }) => notes.includes(texts.text.trim()) });
  const print = document.querySelector("[data-print]");
  print.removeAttribute("hidden");
  print.addEventListener("click", () => globalThis.print());
  document.querySelector("[data-copy-text]").addEventListener("click", async (event) => {
    event.preventDefault();
    const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
    try {
      const answer = await fetchPart(link.href);
      if (!answer.ok) return;
      await put(await answer.text());
      tell(say("copied"));
    } catch {
      location.assign(link.href); // to be copied by hand
    }
  });
}
