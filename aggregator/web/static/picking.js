// @ts-check
// Which rows are selected. Known by their ids, so that the selection outlives updates, paging, sorting and an action.
import { list, rowOf, rows, current } from "./rows.js";

/** Version by id. @type {Map<string, string>} */
export const picked = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} run */
export const onPicked = (run) => listeners.add(run);

/** @param {HTMLLIElement} row */
const box = (row) => /** @type {HTMLInputElement} */ (row.querySelector(".tick input"));

/** @param {HTMLLIElement} row @param {boolean} on */
function set(row, on) {
  if (!on) whole = false;
  box(row).checked = on;
  if (on) picked.set(row.dataset.id, row.dataset.ver);
  else picked.delete(row.dataset.id);
}

const told = () => listeners.forEach((run) => run());

/** @param {HTMLLIElement | null} row */
export function toggle(row) {
  if (!row) return;
  set(row, !picked.has(row.dataset.id));
  told();
}

/** Select the current row, go one further, and select that, too. @param {() => HTMLLIElement | null} go */
export function extend(go) {
  const from = current();
  if (from) set(from, true);
  const to = go();
  if (to) set(to, true);
  told();
}

/** How many the view held when it was loaded. */
export const total = () => Number(/** @type {HTMLElement} */ (document.querySelector(".desk")).dataset.total);

/** All that are loaded; then all that match, if these are more; then none. */
export function pickAll() {
  const all = rows().filter((row) => !row.classList.contains("left"));
  const on = all.some((row) => !picked.has(row.dataset.id));
  if (!on && !whole && total() > picked.size) return meanAll(true);
  for (const row of all) set(row, on);
  told();
}

export function clearPicks() {
  whole = false;
  picked.clear();
  for (const row of rows()) box(row).checked = false;
  told();
}

/** Whether not only the picked ones are meant, but all that the view holds. */
let whole = false;

/** For whom an action is: those that are picked, with the version that was seen, or the whole view as it was loaded. */
export function chosen() {
  const { view, asOf } = /** @type {HTMLElement} */ (document.querySelector(".desk")).dataset;
  if (whole) return { query: view, as_of: asOf };
  return { items: [...picked].map(([id, ver]) => ({ id, ver: rowOf(id)?.dataset.ver ?? ver })) };
}

export const allMatching = () => whole;

/** @param {boolean} on */
export function meanAll(on) {
  whole = on;
  told();
}

/** Rows that came back, or were drawn anew, show whether they are selected. */
function paint() {
  for (const [id] of picked) {
    const row = rowOf(id);
    if (row) set(row, true);
  }
  if (picked.size) told(); // how many are not in the list
}

export function startPicking() {
  list.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (!input.closest(".tick")) return;
    set(/** @type {HTMLLIElement} */ (input.closest("li.row")), input.checked);
    told();
  });
  list.addEventListener("repainted", paint);
  // A reload keeps what the browser remembers of boxes, and so does the way back.
  for (const row of rows()) if (box(row).checked) set(row, true);
}
