// @ts-check
// Posting what one does, saying why it did not happen, and taking back what one did last.
import { page, say, tell } from "./dom.js";
import { postAsMe, sessionEnded } from "./session.js";

/** @typedef {{url: string, body: Record<string, string>}} Undo */
/** @typedef {{facts: Record<string, string>, html: string, said?: string, undo?: Undo | null, owner?: string, take?: boolean}} Answer */
/** @typedef {string} What one of those in aggregator/acting/__init__.py */

const KEPT = 50;
const LONG_ENOUGH = 10 * 60 * 1000;
const store = `done:${page.user}`;

/** What I did within ten minutes in any tab, the latest last. @returns {(Undo & {at: number})[]} */
function done() {
  const all = JSON.parse(localStorage.getItem(store) ?? "[]");
  return all.filter((/** @type {{at: number}} */ one) => Date.now() - one.at < LONG_ENOUGH);
}

/**
 * @param {string} url @param {Record<string, string> | string} body a string is sent as JSON
 * @returns {Promise<{status: number, answer: any}>} status 0: no connection
 */
export async function send(url, body) {
  try {
    const sent = typeof body === "string" ? body : new URLSearchParams(body);
    const response = await postAsMe(url, {
      keepalive: String(sent).length < 20000, // it arrives though the page is left; browsers let no more of it live on
      headers: typeof body === "string" ? { "content-type": "application/json" } : {},
      body: sent,
    });
    const told = (response.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: response.status, answer: told ? await response.json() : null };
  } catch {
    return { status: 0, answer: null };
  }
}

/**
 * @param {string} id @param {What} what @param {string} ver @param {Record<string, string>} [more]
 * @returns {Promise<{status: number, answer: Answer | null}>} status 0: no connection
 */
export async function post(id, what, ver, more = {}) {
  return send(`/inquiry/${id}/${what}`, { ver, ...more });
}

/**
 * Say why an action did not happen; what went wrong on our side has a number to quote.
 * @param {number} status @param {(Answer & {number?: string}) | null} answer @param {string} id
 */
export function explain(status, answer, id) {
  if (status === 401) return sessionEnded();
  /** @type {[string, () => void][]} */
  const buttons = [];
  if (status === 409 && answer?.facts) {
    if (!location.pathname.endsWith(id)) buttons.push([say("open"), () => location.assign(`/inquiry/${id}`)]);
    if (answer.owner && answer.owner !== page.user) buttons.push([say("ask", { who: answer.owner }), () => again(id, "ask", answer)]);
    if (answer.take) buttons.push([say("take"), () => again(id, "take", answer)]);
  }
  tell(reason(status, answer), { error: true, buttons });
}

/** Why, in words. @param {number} status @param {{said?: string, number?: string} | null} answer */
export function reason(status, answer) {
  if (answer?.said) return answer.said;
  if (status === 0) return say("not_heard");
  if (status === 401) return say("session_over");
  return answer?.number ? say("failed_number", { status, number: answer.number }) : say("failed", { status });
}

/** What a refusal offers instead. @param {string} id @param {What} what @param {Answer} refused */
async function again(id, what, refused) {
  const { status, answer } = await post(id, what, refused.facts.ver);
  if (status === 200) remember(answer, undoLast);
  else explain(status, answer, id);
  if (answer?.facts) changed(id, what, status, answer);
}

/** Tell whoever shows this inquiry how it is now. @param {string} id @param {What} what @param {number} status @param {Answer} answer */
export function changed(id, what, status, answer) {
  document.dispatchEvent(new CustomEvent("did", { detail: { id, what, status, answer } }));
}

/**
 * Say what was done, remember how it is taken back, and offer it.
 * @param {{said?: string, undo?: Undo | null}} answer @param {() => void} undo
 */
export function remember(answer, undo) {
  const kept = answer.undo && keep([...done(), { ...answer.undo, at: Date.now() }].slice(-KEPT));
  tell(answer.said, { buttons: kept ? [[say("undo"), undo]] : [] });
}

/** @param {(Undo & {at: number})[]} all @returns {boolean} whether there was room; if not, what was before is not the last any more */
function keep(all) {
  try {
    localStorage.setItem(store, JSON.stringify(all));
    return true;
  } catch {
    localStorage.removeItem(store);
    return false;
  }
}

/** It was taken back, or never can be: what was done before is the last now. */
const SETTLED = [200, 204, 404, 409];

/** Take back my last action. @returns {Promise<Answer | null>} the row as it is then; of many, the first */
export async function undoLast() {
  const all = done();
  const last = all.pop();
  if (!last) {
    tell(say("nothing_to_undo"));
    return null;
  }
  const { status, answer } = await send(last.url, last.body);
  if (SETTLED.includes(status)) keep(all);
  if (status === 204) document.dispatchEvent(new CustomEvent("read", { detail: last.url.split("/")[2] }));
  return undone(status, answer);
}

/** Say what was taken back, and tell whoever shows it. @param {number} status @param {any} answer @returns {Answer | null} */
export function undone(status, answer) {
  if (status === 204) tell(say("undone"));
  else if (status !== 200) explain(status, answer, "");
  else tell(answer.said, { error: answer.done === 0 });
  const rows = Object.entries(answer?.rows ?? {});
  for (const [id, row] of rows) changed(id, "undo", 200, row);
  return /** @type {Answer | null} */ (rows[0]?.[1] ?? null);
}
