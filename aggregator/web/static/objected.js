// @ts-check
// Why an answer was held up: each reason leads to its place; warnings are confirmed by sending once more.
import { say } from "./dom.js";
import { field } from "./inserting.js";

/** @typedef {{name: string, said: string, level?: string, key?: string, start?: number, end?: number}} Objection */

/**
 * @param {HTMLElement} region @param {Objection[]} found @param {number} shift what the sent text lacks at its beginning
 */
export function showObjections(region, found, shift) {
  const list = document.createElement("ul");
  list.append(...found.map((each) => item(each, shift)));
  const all = found.every((each) => each.level === "warn");
  region.classList.toggle("warn", all);
  region.replaceChildren(list, ...(all ? [Object.assign(document.createElement("p"), { textContent: say("once_more") })] : []));
  region.scrollIntoView({ block: "nearest" });
  const confirmed = /** @type {HTMLInputElement | null} */ (document.querySelector("#composer [name=confirmed]"));
  if (confirmed) confirmed.value = all ? found.map((each) => each.key).join("\n") : "";
}

/** @param {Objection} each @param {number} shift */
function item(each, shift) {
  const line = document.createElement("li");
  line.className = each.level ?? "refuse";
  line.dataset.name = each.name;
  line.append(each.said);
  if (each.start === undefined) return line;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: say("show_place") });
  button.addEventListener("click", () => {
    field().focus();
    field().setSelectionRange(each.start + shift, each.end + shift);
  });
  line.append(" ", button);
  return line;
}

/** Nothing is confirmed any more. */
export function forgetObjections() {
  const confirmed = /** @type {HTMLInputElement | null} */ (document.querySelector("#composer [name=confirmed]"));
  if (confirmed) confirmed.value = "";
}
