// @ts-check
// Signing in again without leaving the page: what is being written stays.
import { fragment, say } from "./dom.js";

const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("signin"));

/** @returns {boolean} whether there is a place to ask */
export function askToSignIn() {
  const box = dialog();
  if (!box) return false;
  if (!box.open) box.showModal();
  /** @type {HTMLInputElement} */ (box.querySelector("[name=password]")).focus();
  return true;
}

/** @param {HTMLFormElement} form */
async function signIn(form) {
  const alarm = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
  const door = await fetch("/signin"); // who has signed in elsewhere meanwhile is led on
  if (new URL(door.url).pathname === "/signin") {
    const page = fragment(await door.text());
    const csrf = /** @type {HTMLInputElement} */ (page.querySelector("main [name=csrf]")).value;
    const said = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    said.set("csrf", csrf);
    const answer = await fetch("/signin", { method: "POST", body: said });
    if (new URL(answer.url).pathname === "/signin") {
      alarm.textContent = fragment(await answer.text()).querySelector("[role=alert]")?.textContent ?? String(answer.status);
      alarm.hidden = false;
      return;
    }
  }
  location.reload(); // with a new session come new keys for everything; drafts are taken up again
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.closest("#signin")) return;
  event.preventDefault();
  signIn(form).catch(() => {
    const alarm = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
    alarm.textContent = say("no_connection");
    alarm.hidden = false;
  });
});
document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest("#signin [data-close]")) dialog().close();
});
