// @ts-check
// What changes on the server. One connection for all tabs of a browser: a browser opens only six to one host.
import { page, say, scriptUrl, strip, tell } from "./dom.js";
import { signIn } from "./actions.js";
import { setClock } from "./times.js";

/**
 * @param {Record<string, (data: any) => void>} on handlers by event: new, upd, gone, counts, resync
 */
export function listen(on) {
  const query = new URLSearchParams({ lang: document.documentElement.lang, after: page.seq ?? "" });
  let offline = false;
  /** @param {string} event @param {any} data */
  const hear = (event, data) => {
    if (event === "hello" || event === "ping") setClock(data.now);
    if (event === "hello" && data.build !== page.build) tell(say("new_build"), { buttons: [[say("reload"), () => location.reload()]] });
    if (event === "told" && data.to === page.user) tell(say(`told_${data.what}`, data), { buttons: [[say("open"), () => location.assign(`/inquiry/${data.id}`)]] });
    if (event === "offline" && !offline) strip("offline", true, say("offline", { time: new Date().toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" }) }));
    if (event === "online" && offline) {
      strip("offline", false);
      tell(say("back"));
    }
    if (event === "ended") tell(say("session_over"), { error: true, buttons: [[say("sign_in"), signIn]] });
    offline = event === "offline" || (offline && event !== "online");
    document.documentElement.dataset.live = offline ? "" : "1";
    on[event]?.(data);
  };
  if ("SharedWorker" in globalThis) {
    const worker = new SharedWorker(scriptUrl(`${page.worker}?${new URLSearchParams({ lang: document.documentElement.lang, session: page.session })}`));
    worker.port.onmessage = ({ data }) => hear(data.event, data.data);
    worker.port.postMessage({ after: page.seq });
    addEventListener("pagehide", () => worker.port.postMessage({ bye: true }));
    return;
  }
  alone(query, hear);
}

/** Without a shared worker: a connection of this tab, closed while nobody sees it. */
function alone(query, hear) {
  /** @type {EventSource | null} */
  let source = null;
  const open = () => {
    source = new EventSource(`/events?${query}`);
    for (const event of ["hello", "new", "upd", "gone", "told", "counts", "ping", "resync"]) {
      source.addEventListener(event, (message) => {
        if (message.lastEventId) query.set("after", message.lastEventId);
        hear(event, JSON.parse(message.data));
      });
    }
    source.onopen = () => hear("online", null);
    source.onerror = () => hear("offline", null);
  };
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (!document.hidden) open();
  });
  open();
}
