// @ts-check
// The bar of what is selected: how many, what can be done with them, and all others that match.
import { page, say } from "./dom.js";
import { allMatching, clearPicks, meanAll, onPicked, picked, total } from "./picking.js";
import { rowOf, rows } from "./rows.js";

const bar = /** @type {HTMLElement} */ (document.getElementById("bulk-bar"));
const number = new Intl.NumberFormat(document.documentElement.lang);

function paint() {
  bar.hidden = picked.size === 0;
  document.body.classList.toggle("picking", picked.size > 0);
  const count = /** @type {HTMLElement} */ (bar.querySelector(".how-many"));
  const elsewhere = [...picked.keys()].filter((id) => !rowOf(id)).length;
  count.textContent = allMatching() ? say("all_selected", { n: number.format(total()) }) : say("selected", { n: number.format(picked.size) });
  if (elsewhere && !allMatching()) count.textContent += ` ${say("not_shown", { n: number.format(elsewhere) })}`;
  const every = /** @type {HTMLButtonElement} */ (bar.querySelector("[data-all]"));
  every.hidden = allMatching() || total() <= picked.size || rows().some((row) => !picked.has(row.dataset.id) && !row.classList.contains("left"));
  every.textContent = say("select_all", { n: number.format(total()) });
}

/** @param {(name: string) => void} does an action of keys.js with what is selected */
export function startBulk(does) {
  if (!page.acts) return;
  onPicked(paint);
  bar.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button"));
    if (!button) return;
    event.preventDefault();
    if ("all" in button.dataset) meanAll(true);
    else if ("clear" in button.dataset) clearPicks();
    else if (button.dataset.name) does(button.dataset.name);
  });
  paint();
}
