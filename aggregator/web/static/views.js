// @ts-check
// The views beside the list: their counts, the sheet of filters, and the small menus.
import { page } from "./dom.js";
import { view } from "./rows.js";
import { fetchPart } from "./session.js";

const EVERY = 5000; // milliseconds between two looks at the counts
const UNSEEN_EVERY = 60_000; // for the title of a tab that nobody sees
let last = 0;
let due = 0;

const number = new Intl.NumberFormat(document.documentElement.lang);

/** The figures moved: look at them, but not too often, and seldom while nobody sees them. @param {{open: number}} [told] */
export function countsMoved(told) {
  if (told && view.size === 0) document.getElementById("open-count").textContent = number.format(told.open);
  due ||= setTimeout(count, Math.max(0, last + (document.hidden ? UNSEEN_EVERY : EVERY) - Date.now()));
}

/** Somebody looks again: what was to be counted seldom is due now. */
function seen() {
  if (!due || document.hidden) return;
  clearTimeout(due);
  due = 0;
  countsMoved();
}

async function count() {
  due = 0;
  last = Date.now();
  const answer = await fetchPart(`/counts?${view}`).catch(() => null);
  if (!answer?.ok) return;
  const told = await answer.json();
  /** @type {Map<string, number>} */
  const counts = new Map(Object.entries(told.views));
  for (const filter of ["channel", "lang", "kind"]) for (const [name, n] of Object.entries(told[filter])) counts.set(`${filter}/${name}`, n);
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-count]"))) {
    const n = counts.get(place.dataset.count);
    if (n !== undefined) place.textContent = number.format(n);
    else if (place.dataset.count.includes("/")) place.textContent = "0";
  }
  showUnread(told.unread);
}

/** `(3)` before the title. @param {number} n */
function showUnread(n) {
  document.title = (n ? `(${n}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  page.unread = String(n);
}

/** Several values of a filter stand in one, with commas; what says nothing is left out. @param {HTMLFormElement} form */
function addressOf(form) {
  /** @type {Map<string, string[]>} */
  const values = new Map();
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value.trim()) values.set(name, [...(values.get(name) ?? []), value.trim()]);
  const query = new URLSearchParams([...values].map(([name, all]) => [name, all.join(",")]));
  const text = query.toString().replaceAll("%2C", ",");
  return text ? `/?${text}` : "/";
}

const sheet = /** @type {HTMLDialogElement} */ (document.getElementById("filters"));

export function showFilters() {
  sheet.showModal();
  /** @type {HTMLElement | null} */ (sheet.querySelector("#side a") ?? sheet.querySelector("fieldset input"))?.focus(); // the views stand there on a phone
}

export function startViews() {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("filter-form"));
  document.querySelector("a.filters").addEventListener("click", (event) => {
    event.preventDefault();
    showFilters();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(addressOf(form));
  });
  sheet.querySelector("[data-close]").addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  // Under 720 px the views stand in the sheet, too.
  const side = document.getElementById("side");
  const narrow = matchMedia("(max-width: 720px)");
  const home = side.parentElement;
  const settle = () => (narrow.matches ? form.querySelector(".groups").before(side) : home.prepend(side));
  narrow.addEventListener("change", settle);
  settle();
  // A menu closes at Esc and at a click elsewhere.
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  });
  addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && /** @type {Element} */ (event.target).closest?.("details.menu[open]");
    if (!menu) return;
    menu.removeAttribute("open");
    /** @type {HTMLElement} */ (menu.querySelector("summary")).focus();
    event.stopPropagation();
  }, true);
  document.addEventListener("visibilitychange", seen);
  // Saved views that search, or look into history, are counted once the list is there.
  if (document.querySelector("[data-count]:empty")) countsMoved();
}
