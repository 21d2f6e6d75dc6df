// @ts-check
// What every page starts: times, keys, and the connection where something can change.
import { copyLink, startCopying } from "./copying.js";
import { leave, paid } from "./dom.js";
import { offer, startKeys } from "./keys.js";
import { startLabels } from "./labels.js";
import { listen } from "./live.js";
import { toggleNotices } from "./notices.js";
import { showHelp, showPalette } from "./palette.js";
import { startSession } from "./session.js";
import { startClock } from "./times.js";

const go = (/** @type {string} */ path) => () => leave(path);

/** On a page without one: the feed's. */
function search() {
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById("search"));
  if (!field) return void leave("/#search");
  field.focus();
  field.select(); // what was searched for before makes way
}

offer({
  help: showHelp,
  palette: showPalette,
  go_feed: go("/"),
  go_incidents: go("/incidents"),
  go_dashboard: go("/dashboard"),
  go_connectors: go("/connectors"),
  go_people: go("/people"),
  go_settings: go("/settings"),
  go_handover: go("/handover"),
  why: go("/why"),
  search,
});

for (const form of document.querySelectorAll("form[role=search]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await paid();
    /** @type {HTMLFormElement} */ (form).submit();
  });
}
const toggle = document.getElementById("toggle-notices");
toggle?.removeAttribute("hidden");
toggle?.addEventListener("click", toggleNotices);
startClock();
startSession();
startCopying();
if (document.body.classList.contains("feed")) {
  await import("./feed.js");
  if (location.hash === "#search") {
    history.replaceState(history.state, "", location.pathname + location.search);
    // Most browsers have put the focus there themselves, and the first letters may be written already.
    if (document.activeElement !== document.getElementById("search")) search();
  }
} else if (document.body.classList.contains("inquiry")) {
  const [inquiry, composer, drafts, outgoing, presence, suggested] = await Promise.all([
    import("./inquiry.js"),
    import("./composer.js"),
    import("./drafts.js"),
    import("./outgoing.js"),
    import("./presence.js"),
    import("./suggested.js"),
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
    insert_notice: suggested.insertNotice,
    show_new: inquiry.refresh,
    previous_inquiry: () => inquiry.walk(-1),
    next_inquiry: () => inquiry.walk(1),
    back: inquiry.back,
    copy_link: () => copyLink(document.getElementById("inquiry").dataset.id),
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
    gone: inquiry.vanishes,
    resync: inquiry.refresh,
  });
} else {
  const up = /** @type {HTMLAnchorElement | null} */ (document.querySelector(".way a"));
  const writing = () => [...document.querySelectorAll("textarea")].some((text) => text.value !== text.defaultValue);
  if (up) offer({ back: () => void (writing() || leave(up.href)) });
  if (document.querySelector("[data-steps]")) (await import("./stepping.js")).startStepping();
  if (document.getElementById("remap")) await import("./remap.js");
  if (document.body.classList.contains("handover")) (await import("./handover.js")).startHandover();
  if (document.getElementById("notice")) (await import("./incident.js")).startIncident();
  if (document.body.classList.contains("answer-all")) (await import("./answer_all.js")).startAnsweringAll();
  listen({});
}
startKeys();
startLabels();
document.documentElement.dataset.ready = "1";
