// @ts-check
// Claim, release, close, reopen, and taking the last of them back.
import { page, say, tell } from "./dom.js";
import { askToSignIn } from "./signin.js";

/** @typedef {{facts: Record<string, string>, html: string, said?: string}} Answer */
/** @typedef {"claim" | "release" | "close" | "reopen"} What */

/** @type {Record<What, What>} */
const INVERSE = { claim: "release", release: "claim", close: "reopen", reopen: "close" };
const KEPT = 20;

/** What I did; `from` and `ver` are the versions before and after. @returns {{id: string, code: string, what: What, from: string, ver: string}[]} */
const done = () => JSON.parse(sessionStorage.getItem("done") ?? "[]");

/**
 * @param {string} id @param {What} what @param {string} ver @param {Record<string, string>} [more]
 * @returns {Promise<{status: number, answer: Answer | null}>} status 0: no connection
 */
export async function post(id, what, ver, more = {}) {
  try {
    const response = await fetch(`/inquiry/${id}/${what}`, {
      method: "POST",
      headers: { accept: "application/json", "x-csrf": page.csrf },
      body: new URLSearchParams({ ver, ...more }),
    });
    const told = response.status === 200 || response.status === 409;
    return { status: response.status, answer: told ? await response.json() : null };
  } catch {
    return { status: 0, answer: null };
  }
}

/** Say why an action did not happen. @param {number} status @param {Answer | null} answer @param {string} id */
export function explain(status, answer, id) {
  if (status === 409) tell(answer.said, { error: true, buttons: [[say("open"), () => location.assign(`/inquiry/${id}`)]] });
  else if (status === 0) tell(say("no_connection"), { error: true });
  else if (status === 401) tell(say("session_over"), { error: true, buttons: [[say("sign_in"), signIn]] });
  else tell(say("failed", { status }), { error: true });
}

export function signIn() {
  if (!askToSignIn()) location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** Remember what can be undone, and offer it. @param {What} what @param {string} from @param {Answer} answer @param {() => void} undo */
export function remember(what, from, answer, undo) {
  const { id, code, ver } = answer.facts;
  sessionStorage.setItem("done", JSON.stringify([...done(), { id, code, what, from, ver }].slice(-KEPT)));
  tell(say(`you_${what}`, { code }), { buttons: [[say("undo"), undo]] });
}

/** Take back my last action. @returns {Promise<Answer | null>} the row as it is then */
export async function undoLast() {
  const all = done();
  const last = all.pop();
  if (!last) {
    tell(say("nothing_to_undo"));
    return null;
  }
  const { status, answer } = await post(last.id, INVERSE[last.what], last.ver, { undo: "1" });
  // Taking it back made another version of what I had done before it: that one can be taken back from there.
  const before = all.findLast((one) => one.id === last.id);
  if (status === 200 && before?.ver === last.from) before.ver = answer.facts.ver;
  if (status !== 0) sessionStorage.setItem("done", JSON.stringify(all));
  if (status !== 200) {
    explain(status, answer, last.id);
    return null;
  }
  tell(say("undone", { code: last.code }));
  return answer;
}
