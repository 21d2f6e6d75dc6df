// @ts-check
// What changes on the server. One connection for all tabs of a browser: a browser opens only six to one host.
import { page, say, scriptUrl, strip, tell } from "./dom.js";
import { notice, noticeTold } from "./notices.js";
import { maybeAgain, sessionEnded } from "./session.js";
import { serverNow, setClock } from "./times.js";

const EVENTS = ["hello", "new", "upd", "gone", "told", "presence", "conn", "counts", "ping", "resync"];
const CHANGES = ["new", "upd", "gone"];
const PINGS = 3; // that may be missed, as in worker.js
const lang = document.documentElement.lang;

/** @typedef {Record<string, (data: any) => unknown>} Handlers by event; `resync` says how many changes there were */

/** One more that this person has not read. */
function countTold() {
  const count = document.getElementById("told");
  if (!count) return;
  count.textContent = String(count.hidden ? 1 : Number(count.textContent) + 1);
  count.hidden = false;
}

/** @param {Handlers} on */
export function listen(on) {
  let offline = false;
  let returned = false; // connected again, and not yet up to date
  let upTo = 0;
  let changes = 0;
  let reading = 0; // times that all is being read again
  let newest = Number(page.seq);

  /** What was missed is here. @param {number} n */
  const caughtUp = (n) => {
    returned = false;
    upTo = 0;
    tell(n ? say(n === 1 ? "away_one" : "away", { n }) : say("back"));
  };
  /** @param {string} event @param {any} data @param {number} [number] */
  const hear = async (event, data, number) => {
    if ((event === "hello" || event === "ping") && data.now) setClock(data.now);
    if (event === "counts" && data.now > serverNow()) setClock(data.now); // the clock of the simulated day goes faster
    if (event === "hello" && data.build !== page.build) newBuild();
    if (event === "told" && data.what === "progress" && data.to === page.user) tell(say("told_progress", data));
    else if (event === "told" && data.to === page.user) {
      countTold();
      noticeTold(data, number);
      tell(say(`told_${data.what}`, data), { buttons: [[say("open"), () => location.assign(data.id ? `/inquiry/${data.id}` : "/?owner=me")]] });
    }
    if (event === "new" || event === "upd") notice(data);
    if (event === "offline" && !offline) strip("offline", true, say("offline", { time: new Date().toLocaleTimeString(lang, { timeStyle: "short" }) }));
    if (event === "online" && offline) {
      strip("offline", false);
      returned = true;
      changes = 0;
    }
    if (event === "online") maybeAgain();
    if (event === "ended") {
      strip("offline", false);
      sessionEnded();
    }
    offline = event === "offline" || (offline && event !== "online" && event !== "ended");
    document.documentElement.dataset.live = offline ? "" : "1";
    if (number) newest = Math.max(newest, number);
    if (returned && event === "hello") upTo = data.seq;
    if (returned && CHANGES.includes(event)) changes += 1;
    if (event === "resync") reading += 1;
    const found = await on[event]?.(data);
    if (event === "resync") reading -= 1;
    if (!returned || reading) return;
    if (event === "resync") caughtUp(Number(found ?? 0));
    else if (upTo && newest >= upTo) caughtUp(changes);
  };
  if ("SharedWorker" in globalThis) share(hear);
  else alone(hear);
}

/** Offered once, in a bar that stays; never done by itself. */
function newBuild() {
  const bar = document.getElementById("newer");
  if (!bar.hidden) return;
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("reload") });
  button.addEventListener("click", () => location.reload());
  bar.replaceChildren(`${say("new_build")} `, button);
  bar.hidden = false;
}

/** @param {(event: string, data: any, number?: number) => void} hear */
function share(hear) {
  const worker = new SharedWorker(scriptUrl(`${page.worker}?${new URLSearchParams({ lang, session: page.session })}`));
  worker.port.onmessage = ({ data }) => hear(data.event, data.data, data.number);
  worker.port.postMessage({ after: page.seq });
  addEventListener("pagehide", () => worker.port.postMessage({ bye: true }));
  addEventListener("pageshow", (event) => event.persisted && worker.port.postMessage({ after: 0 }));
  addEventListener("signedin", () => worker.port.postMessage({ again: true }));
}

/** Without a shared worker: a connection of this tab, closed while nobody sees it. @param {(event: string, data: any, number?: number) => void} hear */
function alone(hear) {
  const query = new URLSearchParams({ lang, after: page.seq ?? "" });
  /** @type {EventSource | null} */
  let source = null;
  let ping = 15;
  let watch = 0;
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      hear("offline", null);
      open();
    }, PINGS * ping * 1000);
  };
  const open = () => {
    source?.close();
    source = new EventSource(`/events?${query}`);
    heard();
    for (const event of EVENTS) {
      source.addEventListener(event, (message) => {
        if (message.lastEventId) query.set("after", message.lastEventId);
        const data = JSON.parse(message.data);
        if (event === "hello") ping = data.ping;
        heard();
        hear(event, data, Number(message.lastEventId) || undefined);
      });
    }
    source.onopen = () => hear("online", null);
    source.onerror = async () => {
      hear("offline", null);
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(watch);
      const status = await fetch("/rows", { headers: { accept: "application/json" } }).then((answer) => answer.status, () => 0);
      if (status === 401) hear("ended", null);
      else setTimeout(open, 3000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    source?.close();
    clearTimeout(watch);
    if (!document.hidden) open();
  });
  addEventListener("signedin", open);
  open();
}
