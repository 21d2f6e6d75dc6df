// @ts-check
// j and k on pages without a list of their own: the focus goes from one entry of their lists to the next.
import { offer } from "./keys.js";

/** The first link of each entry. */
const links = () =>
  [...document.querySelectorAll("[data-steps] > li")]
    .map((entry) => /** @type {HTMLAnchorElement | null} */ (entry.querySelector("a[href]")))
    .filter((link) => link?.checkVisibility());

/** @param {1 | -1} step */
function go(step) {
  const all = links();
  const entry = document.activeElement?.closest("[data-steps] > li");
  const at = all.findIndex((link) => link.closest("[data-steps] > li") === entry);
  const to = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
  to?.focus();
  to?.scrollIntoView({ block: "nearest" });
}

export function startStepping() {
  offer({
    next: () => go(1),
    previous: () => go(-1),
    open: () => links().find((link) => link === document.activeElement)?.click(),
  });
}
