// @ts-check
// The one connection of a browser. It keeps the last changes for tabs that were loading while they came.
const query = new URL(location.href).searchParams;
const EVENTS = ["hello", "new", "upd", "gone", "told", "presence", "conn", "counts", "ping", "resync"];
const KEPT = 500;
const PINGS = 3; // that may be missed
/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {{number: number, event: string, data: any}[]} */
const kept = [];
let last = 0; // number of the newest event
let from = 0; // events after this one are in `kept`
let state = "";
/** @type {any} */
let hello = null;
let watch = 0;

/** @param {string} event @param {any} data @param {number} [number] */
function tell(event, data, number) {
  for (const tab of tabs) tab.postMessage({ event, data, number });
}

/** @param {string} now */
function become(now) {
  if (state !== now) tell(now, null);
  state = now;
}

function connect() {
  const source = new EventSource(`/events?${new URLSearchParams({ lang: query.get("lang"), after: String(last) })}`);
  // A network may go without a word: then no error comes, for minutes or for ever.
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      source.close();
      become("offline");
      connect();
    }, PINGS * (hello?.ping ?? 15) * 1000);
  };
  heard();
  for (const event of EVENTS) {
    source.addEventListener(event, (message) => {
      const data = JSON.parse(message.data);
      if (event === "hello") hello = data;
      heard();
      if (event === "presence") hello.presence[data.id] = data.people;
      if (message.lastEventId && event !== "hello" && event !== "ping") {
        last = Number(message.lastEventId);
        kept.push({ number: last, event, data });
        if (kept.length > KEPT) from = kept.shift().number;
        tell(event, data, last);
      } else tell(event, data);
    });
  }
  source.onopen = () => become("online");
  source.onerror = async () => {
    become("offline");
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(watch);
    const status = await fetch("/rows", { headers: { accept: "application/json" } }).then((answer) => answer.status, () => 0);
    if (status === 401) become("ended");
    else setTimeout(connect, 3000);
  };
}

addEventListener("connect", (/** @type {MessageEvent} */ { ports: [tab] }) => {
  tab.onmessage = ({ data }) => {
    if (data.bye) {
      tabs.delete(tab);
      return;
    }
    tabs.add(tab);
    if (data.again) {
      // Signed in once more: the session is another one, and so may be what it may see.
      if (state === "ended") connect();
      return;
    }
    const after = Number(data.after);
    if (last === 0) {
      last = from = after;
      connect();
      return;
    }
    if (hello) tab.postMessage({ event: "hello", data: { ...hello, now: 0 } }); // its time was then: the page knows a later one
    if (state) tab.postMessage({ event: state, data: null });
    if (after < from) tab.postMessage({ event: "resync", data: {} });
    else for (const { number, event, data: told } of kept) if (number > after) tab.postMessage({ event, data: told, number });
  };
});
