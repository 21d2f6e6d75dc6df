// @ts-check
// The session ended: sign in again in place, so that nothing that is being written is lost.
import { fragment, page, say } from "./dom.js";

const dialog = () => /** @type {HTMLDialogElement} */ (document.getElementById("signin-again"));
/** @type {HTMLElement | null} */
let opener = null;

const STILL = 500; // milliseconds without a key
let ready = 0;

/** The keys that were on their way to the page are not the password's: it takes them once none comes any more. */
function toPassword(wait = STILL) {
  clearTimeout(ready);
  const go = () => {
    if (document.activeElement === dialog()) /** @type {HTMLInputElement} */ (dialog().querySelector("[name=password]")).focus();
  };
  if (wait) ready = setTimeout(go, wait);
  else go();
}

/**
 * Ask for the password, above whatever dialog is open: that one may hold what is being written.
 * @param {boolean} [wanted] somebody asked for it, so the next keys are for it
 */
export function sessionEnded(wanted = false) {
  const box = dialog();
  if (!box || box.open) return;
  opener = /** @type {HTMLElement | null} */ (document.activeElement);
  box.showModal();
  box.focus();
  toPassword(wanted ? 0 : STILL);
}

/**
 * A part of a page; if the session is over, sign in again instead of showing the way there: no part leads elsewhere.
 * @param {string} url @param {RequestInit & {headers?: Record<string, string>}} [how]
 */
export async function fetchPart(url, how = {}) {
  const answer = await fetch(url, { redirect: "manual", ...how, headers: { accept: "text/html", ...how.headers } });
  if (answer.status !== 401 && answer.type !== "opaqueredirect") return answer;
  sessionEnded();
  return new Response(null, { status: 401 });
}

/**
 * POST, as whoever is signed in. A page may be older than the session, which began anew in another tab: it takes up the new
 * token then, and asks once more, for what was refused has done nothing.
 * @param {string} url @param {RequestInit & {headers?: Record<string, string>}} [how]
 */
export async function postAsMe(url, how = {}) {
  const go = () => fetch(url, { method: "POST", ...how, headers: { accept: "application/json", "x-csrf": page.csrf, ...how.headers } });
  const before = page.csrf;
  const answer = await go();
  return answer.status === 403 && (await takeUp()) && page.csrf !== before ? go() : answer;
}

/** @param {string} text */
function complain(text) {
  const message = /** @type {HTMLElement} */ (dialog().querySelector("[role=alert]"));
  message.hidden = !text;
  message.textContent = text;
}

/** Take the new session's token for this page. @returns {Promise<boolean>} whether there is one */
async function takeUp() {
  const answer = await fetch("/settings").catch(() => null);
  const head = ((await answer?.text()) ?? "").slice(0, 4000);
  /** @param {string} name what <html> says of the session */
  const told = (name) => fragment(new RegExp(`data-${name}="([^"]*)"`).exec(head)?.[1] ?? "").textContent;
  const said = { user: told("user"), csrf: told("csrf"), session: told("session") };
  if (!said.csrf) return false;
  if (said.user !== page.user) {
    location.reload(); // somebody else now
    return true;
  }
  page.csrf = said.csrf;
  page.session = said.session;
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=csrf]"))) input.value = said.csrf;
  if (dialog()?.open) {
    dialog().close();
    opener?.focus({ preventScroll: true });
  }
  dispatchEvent(new Event("signedin"));
  return true;
}

/** Another tab may have signed in. */
export function maybeAgain() {
  if (dialog()?.open) takeUp();
}

/** @param {SubmitEvent} event */
async function signIn(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const password = /** @type {HTMLInputElement} */ (form.elements.namedItem("password"));
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const answer = await fetch("/signin", { method: "POST", body, headers: { accept: "text/html" } }).catch(() => null);
  password.value = "";
  if (!answer) return complain(say("no_connection"));
  if (!answer.ok) {
    const told = fragment(await answer.text()).querySelector("main [role=alert]")?.textContent;
    return complain(told ?? say("failed", { status: answer.status }));
  }
  if (!(await takeUp())) complain(say("not_signed_in"));
}

export function startSession() {
  const box = dialog();
  box?.querySelector("form").addEventListener("submit", signIn);
  box?.addEventListener("keydown", (event) => event.target === box && toPassword());
  box?.querySelector("[data-again]").addEventListener("click", async () => {
    if (!(await takeUp())) complain(say("not_signed_in"));
  });
}
