// @ts-check
// What may be said here: fetched once the page stands, put in by one click.
import { fragment, say, tell } from "./dom.js";
import { field, insert, withoutPushing } from "./inserting.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

const place = () => document.getElementById("suggested");
/** @type {Element | null} kept over a refresh of the page */
let shown = null;

async function load() {
  const id = document.getElementById("inquiry").dataset.id;
  try {
    const answer = await fetchPart(`/inquiry/${id}/suggested`);
    if (!answer.ok) return;
    const offers = fragment(await answer.text());
    withoutPushing(() => place()?.replaceChildren(offers));
    if (place()) paintTimes(place());
    shown = place();
  } catch {
    // Offline: the page says so. What is written can be sent without it.
  }
}

/** The page was renewed: what was loaded stands there again. */
export function keepSuggested() {
  const now = place();
  if (shown && now && now !== shown && !now.childElementCount) now.replaceWith(shown);
}

/** The notice of its incident into the answer. */
export function insertNotice() {
  /** @type {HTMLElement | null} */ (document.querySelector("[data-notice]"))?.click();
}

/** What needs a script is shown. */
export function wireNotice() {
  document.querySelector("[data-notice]")?.removeAttribute("hidden");
}

export function startSuggested() {
  if (!field()) return;
  load();
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-insert]"));
    if (!button) return;
    insert(button.dataset.insert);
    if (button.closest(".similar")) tell(say("quoted"));
  });
}
