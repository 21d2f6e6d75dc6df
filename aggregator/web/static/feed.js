// @ts-check
// The feed: its list, its preview, its views, and what can be done there by key.
import { startBulk } from "./bulk.js";
import { copyLink } from "./copying.js";
import { DEEDS } from "./doings.js";
import { fragment, page } from "./dom.js";
import * as list from "./list.js";
import { listen } from "./live.js";
import { offer } from "./keys.js";
import { startNotices, toggleNotices } from "./notices.js";
import { extend, pickAll, toggle } from "./picking.js";
import { hears, learn, startPresence } from "./presence.js";
import { showAlone } from "./preview.js";
import { keepPlace, rowOf } from "./rows.js";
import { fetchPart } from "./session.js";
import { paintTimes } from "./times.js";
import { countsMoved, showFilters, startViews } from "./views.js";

startViews();
offer({
  next: () => list.move(1),
  previous: () => list.move(-1),
  open: () => list.open(list.current()),
  ...(page.acts && { reply: () => list.open(list.current(), "#reply") }),
  back: list.clear,
  ...Object.fromEntries([...Object.keys(DEEDS), "undo", "recent"].map((name) => [name, () => list.does(name)])),
  copy_link: () => copyLink(list.current()?.dataset.id),
  pick: () => toggle(list.current()),
  pick_next: () => extend(() => list.move(1)),
  pick_previous: () => extend(() => list.move(-1)),
  pick_all: pickAll,
  show_new: list.flush,
  sort_again: list.sortAgain,
  filters: showFilters,
  notices: toggleNotices,
});
startPresence();
startNotices();
startBulk(list.does);
await list.startList();
const named = /** @type {HTMLElement} */ (document.querySelector(".desk")).dataset.current;
if (named && !list.current()) showAlone(named);

/** Above the list: a source that may have more. */
async function banner() {
  const answer = await fetchPart("/banner").catch(() => null);
  if (!answer?.ok) return;
  const fresh = fragment(await answer.text()).getElementById("banner");
  paintTimes(fresh);
  keepPlace(() => document.getElementById("banner").replaceWith(fresh));
}

/** It was marked as unread, and that was taken back. */
document.addEventListener("read", (event) => {
  const row = rowOf(/** @type {CustomEvent} */ (event).detail);
  row?.classList.remove("unread");
  row?.querySelector(".dot")?.remove();
});

listen({
  hello: ({ presence }) => learn(presence),
  new: list.arrives,
  upd: list.arrives,
  gone: list.vanishes,
  presence: hears,
  conn: banner,
  counts: countsMoved,
  resync: list.resync,
});
