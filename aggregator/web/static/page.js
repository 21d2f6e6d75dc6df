// @ts-check
// What every page starts: times, keys, and the connection where something can change.
import { copyLink } from "./clipboard.js";
import { offer, startKeys } from "./keys.js";
import { listen } from "./live.js";
import { showHelp, showPalette } from "./palette.js";
import { startSession } from "./session.js";
import { startClock } from "./times.js";

const go = (/** @type {string} */ path) => () => location.assign(path);

offer({
  help: showHelp,
  palette: showPalette,
  go_feed: go("/"),
  go_incidents: go("/incidents"),
  go_dashboard: go("/dashboard"),
  go_connectors: go("/connectors"),
  go_settings: go("/settings"),
  why: go("/why"),
  search: () => (document.getElementById("search") ? document.getElementById("search").focus() : location.assign("/")),
});

startClock();
startSession();
if (document.body.classList.contains("feed")) await import("./feed.js");
else if (document.body.classList.contains("inquiry")) {
  const [inquiry, composer, drafts, outgoing, presence] = await Promise.all([
    import("./inquiry.js"),
    import("./composer.js"),
    import("./drafts.js"),
    import("./outgoing.js"),
    import("./presence.js"),
  ]);
  inquiry.startInquiry();
  composer.startComposer();
  if (location.hash === "#reply") {
    history.replaceState(history.state, "", location.pathname + location.search);
    composer.focus();
  }
  outgoing.startOutgoing({ gone: inquiry.refresh, restore: drafts.takenBack });
  offer({
    ...inquiry.deeds,
    undo: () => outgoing.undo() || inquiry.deeds.undo(),
    reply: composer.focus,
    copy_link: () => copyLink(document.getElementById("inquiry").dataset.id),
    show_new: inquiry.refresh,
    previous_inquiry: () => inquiry.walk(-1),
    next_inquiry: () => inquiry.walk(1),
    back: inquiry.back,
  });
  presence.startPresence();
  /** @param {any} data */
  const hear = (data) => {
    inquiry.changes(data);
    outgoing.changes(data);
  };
  listen({
    hello: (told) => presence.learn(told.presence),
    presence: presence.hears,
    new: hear,
    upd: hear,
    resync: inquiry.refresh,
  });
} else {
  listen({});
}
startKeys();
document.documentElement.dataset.ready = "1";
