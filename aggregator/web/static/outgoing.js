// @ts-check
// Answers on their way: what became of each, live; undo, send again, say that it was sent.
import { explain } from "./actions.js";
import { fragment, page, say, tell } from "./dom.js";
import { fetchPart, postAsMe } from "./session.js";
import { paintTimes } from "./times.js";

/** What the page around it does. @type {{gone: () => unknown, restore: (text: string, draft?: any) => void}} */
let around = { gone: () => {}, restore: () => {} };
let painted = 0;

const region = () => /** @type {HTMLElement} */ (document.getElementById("outgoing"));
const inquiry = () => /** @type {HTMLElement} */ (document.getElementById("inquiry")).dataset.id;

/** Seconds left of each answer that waits, by this browser's own clock: the server's may go otherwise. */
function startCountdowns() {
  painted = performance.now();
  count();
}

function count() {
  for (const left of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#outgoing .left"))) {
    const seconds = Math.max(0, Number(left.dataset.left) - (performance.now() - painted) / 1000);
    const text = say("seconds_short", { n: Math.ceil(seconds) });
    if (left.textContent !== text) left.textContent = text;
  }
}

/** @param {string} html @param {boolean} [mine] I have just done something with them */
export async function show(html, mine = false) {
  const fresh = fragment(html);
  const old = region();
  const before = old.querySelectorAll("form").length;
  const now = fresh.querySelectorAll("form").length;
  if (now < before && !mine) {
    await around.gone(); // what was sent stays on screen until the thread shows it
    if (region() !== old) return;
  }
  const focused = region().contains(document.activeElement);
  region().replaceWith(fresh);
  wire();
  paintTimes(region());
  startCountdowns();
  if (focused) region().querySelector("button")?.focus();
}

/** What needs a script is shown. */
function wire() {
  for (const button of region()?.querySelectorAll("[data-edit]") ?? []) button.removeAttribute("hidden");
}

/** Fetch them as they are now. */
export async function refresh() {
  try {
    const answer = await fetchPart(`/inquiry/${inquiry()}/outgoing`);
    if (answer.ok) show(await answer.text());
  } catch {
    // Offline: the page says so, and the next change brings them.
  }
}

/** @param {{facts: Record<string, string>}} change */
export function changes({ facts }) {
  if (facts.id === inquiry()) refresh();
}

/** @param {string} id @param {string} what @param {boolean} [edits] its text goes back into the box */
async function decide(id, what, edits = what === "undo") {
  try {
    const response = await postAsMe(`/outbox/${id}/${what}`);
    const told = [200, 409, 422].includes(response.status) ? await response.json() : null;
    if (response.status === 200) {
      show(told.html, what !== "was-sent");
      if (edits) around.restore(told.text, told.draft);
      if (what === "undo") tell(say("answer_undone"));
      return;
    }
    const why = told?.said ?? told?.objections?.map((each) => each.said).join(" ");
    if (why) tell(say("not_sent", { why }), { error: true });
    else explain(response.status, null, "");
    await refresh();
  } catch {
    tell(say("not_heard"), { error: true });
  }
}

/** Take back my newest answer that still waits; a colleague's only its button takes back. @returns {boolean} whether there was one */
export function undo() {
  const all = [.../** @type {NodeListOf<HTMLElement>} */ (region()?.querySelectorAll("[data-decide='undo']") ?? [])];
  const held = all.filter((button) => button.dataset.who === page.user).at(-1);
  if (held) decide(held.dataset.outbox, "undo");
  return Boolean(held);
}

/** @param {{gone: () => unknown, restore: (text: string, draft?: any) => void}} how gone: one got to its platform; restore: a text that was taken back */
export function startOutgoing(how) {
  around = how;
  wire();
  startCountdowns();
  setInterval(count, 250);
  document.addEventListener("submit", (event) => {
    const button = /** @type {HTMLElement | null} */ (event.submitter);
    if (!button?.dataset.decide) return;
    event.preventDefault();
    decide(button.dataset.outbox, button.dataset.decide);
  });
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("#outgoing [data-edit]"));
    if (button) decide(button.dataset.outbox, "dismiss", true);
  });
}
