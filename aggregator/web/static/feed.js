// @ts-check
// The feed: its list, its preview, its views, and what can be done there by key.
import { DEEDS } from "./doings.js";
import * as list from "./list.js";
import { listen } from "./live.js";
import { offer } from "./keys.js";
import { extend, pickAll, toggle } from "./picking.js";
import { countsMoved, showFilters, startViews } from "./views.js";

startViews();
offer({
  next: () => list.move(1),
  previous: () => list.move(-1),
  open: () => list.open(list.current()),
  back: list.clear,
  ...Object.fromEntries([...Object.keys(DEEDS), "undo"].map((name) => [name, () => list.does(name)])),
  pick: () => toggle(list.current()),
  pick_next: () => extend(() => list.move(1)),
  pick_previous: () => extend(() => list.move(-1)),
  pick_all: pickAll,
  show_new: list.flush,
  sort_again: list.sortAgain,
  filters: showFilters,
});
await list.startList();
listen({ new: list.arrives, upd: list.arrives, gone: list.vanishes, counts: countsMoved, resync: list.resync });
