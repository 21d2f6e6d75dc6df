// @ts-check
// What every page starts: times, keys, and the connection where something can change.
import { bindKeys } from "./keys.js";
import { listen } from "./live.js";
import { startClock } from "./times.js";

const help = /** @type {HTMLDialogElement} */ (document.getElementById("help"));
/** @type {Record<string, (event: KeyboardEvent) => void>} */
const keys = {
  "?": () => help.showModal(),
  "g f": () => location.assign("/"),
  "g c": () => location.assign("/connectors"),
  "/": () => (document.getElementById("search") ? document.getElementById("search").focus() : location.assign("/")),
};

startClock();
if (document.body.classList.contains("feed")) {
  const list = await import("./list.js");
  list.startList();
  Object.assign(keys, {
    j: () => list.move(1),
    ArrowDown: () => list.move(1),
    k: () => list.move(-1),
    ArrowUp: () => list.move(-1),
    Enter: () => list.open(list.current()),
    o: () => list.open(list.current()),
    Escape: () => {
      list.setCurrent(null);
      /** @type {HTMLElement} */ (document.activeElement)?.blur();
    },
    c: () => list.act(list.current(), "claim"),
    "Shift+c": () => list.act(list.current(), "release"),
    e: () => list.act(list.current(), "close"),
    z: list.undo,
    n: list.flush,
    ".": () => /** @type {HTMLElement} */ (document.querySelector("a.refresh")).click(),
    f: () => {
      location.hash = "side";
      /** @type {HTMLElement} */ (document.querySelector("#side nav a")).focus();
    },
  });
  listen({ new: list.arrives, upd: list.arrives, gone: list.vanishes, counts: list.showCounts, resync: list.resync });
} else if (document.body.classList.contains("inquiry")) {
  const [inquiry, composer, drafts, outgoing] = await Promise.all(
    [import("./inquiry.js"), import("./composer.js"), import("./drafts.js"), import("./outgoing.js")]);
  inquiry.startInquiry();
  composer.startComposer();
  outgoing.startOutgoing({ gone: inquiry.refresh, restore: drafts.takenBack });
  Object.assign(keys, {
    ...inquiry.keys,
    z: () => outgoing.undo() || inquiry.keys.z(),
    r: composer.focus,
    n: inquiry.refresh,
    "[": () => inquiry.walk(-1),
    "]": () => inquiry.walk(1),
    Escape: inquiry.back,
  });
  /** @param {any} data */
  const hear = (data) => {
    inquiry.changes(data);
    outgoing.changes(data);
  };
  listen({ new: hear, upd: hear, resync: inquiry.refresh });
} else {
  listen({});
}
bindKeys(keys);
document.documentElement.dataset.ready = "1";
