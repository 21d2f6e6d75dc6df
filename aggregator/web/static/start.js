// @ts-check
// First use: the check runs in place.
import { fragment, page, say, tell } from "./dom.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";

/** @param {HTMLFormElement} form */
async function check(form) {
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  form.setAttribute("aria-busy", "true");
  tell(say("checking"));
  const answer = await fetchPart("/start?part=steps", { method: "POST", body: new URLSearchParams({ csrf: page.csrf }) }).catch(() => null);
  button.removeAttribute("aria-disabled");
  form.removeAttribute("aria-busy");
  const fresh = answer?.ok ? fragment(await answer.text()).getElementById("start-steps") : null;
  const steps = document.getElementById("start-steps");
  if (!fresh || !steps) {
    tell(answer ? say("check_failed", { status: answer.status }) : say("no_connection"), { error: true });
    return;
  }
  paintTimes(fresh);
  steps.replaceWith(fresh);
  /** @type {HTMLElement} */ (fresh.querySelector("#start-check button")).focus();
  tell(say("checked"));
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.id !== "start-check") return;
  event.preventDefault();
  if (!form.hasAttribute("aria-busy")) check(form);
});
