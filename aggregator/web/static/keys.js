// @ts-check
// Single keys. Dead where people type, and true under Chinese input methods. All of them stand in one table: the list
// of keys, the palette and the settings read it.
import { page } from "./dom.js";

/**
 * What can be done by a key. `name` is what pages bind, and `key_<name>` the words for it. `"g f"` is g, then f.
 * `fixed`: works while shortcuts are off, too, and cannot be another key.
 * @typedef {{name: string, keys: string[], group: "move" | "act" | "list" | "go", fixed?: boolean}} Key
 */

/** @type {Key[]} */
export const KEYS = [
  { name: "next", keys: ["j", "ArrowDown"], group: "move" },
  { name: "previous", keys: ["k", "ArrowUp"], group: "move" },
  { name: "open", keys: ["Enter", "o"], group: "move" },
  { name: "back", keys: ["Escape"], group: "move", fixed: true },
  { name: "next_inquiry", keys: ["]"], group: "move" },
  { name: "previous_inquiry", keys: ["["], group: "move" },
  { name: "claim", keys: ["c"], group: "act" },
  { name: "release", keys: ["Shift+c"], group: "act" },
  { name: "assign", keys: ["a"], group: "act" },
  { name: "assign_me", keys: ["Shift+a"], group: "act" },
  { name: "reply", keys: ["r"], group: "act" },
  { name: "insert_notice", keys: ["i"], group: "act" },
  { name: "waiting", keys: ["w"], group: "act" },
  { name: "snooze", keys: ["s"], group: "act" },
  { name: "close", keys: ["e"], group: "act" },
  { name: "kind", keys: ["t"], group: "act" },
  { name: "override", keys: ["p"], group: "act" },
  { name: "merge", keys: ["m"], group: "act" },
  { name: "note", keys: ["Shift+n"], group: "act" },
  { name: "copy_link", keys: ["y"], group: "act" },
  { name: "block", keys: ["b"], group: "act" },
  { name: "unread", keys: ["Shift+u"], group: "act" },
  { name: "undo", keys: ["z"], group: "act" },
  { name: "pick", keys: ["x"], group: "list" },
  { name: "pick_next", keys: ["Shift+j", "Shift+ArrowDown"], group: "list" },
  { name: "pick_previous", keys: ["Shift+k", "Shift+ArrowUp"], group: "list" },
  { name: "pick_all", keys: ["Shift+x"], group: "list" },
  { name: "show_new", keys: ["n"], group: "list" },
  { name: "sort_again", keys: ["."], group: "list" },
  { name: "search", keys: ["/"], group: "list" },
  { name: "filters", keys: ["f"], group: "list" },
  { name: "go_feed", keys: ["g f"], group: "go" },
  { name: "go_incidents", keys: ["g i"], group: "go" },
  { name: "go_dashboard", keys: ["g d"], group: "go" },
  { name: "go_connectors", keys: ["g c"], group: "go" },
  { name: "go_settings", keys: ["g s"], group: "go" },
  { name: "go_people", keys: ["g p"], group: "go" },
  { name: "go_handover", keys: ["g h"], group: "go" },
  { name: "why", keys: ["g w"], group: "go" },
  { name: "recent", keys: [], group: "go" },
  { name: "notices", keys: [], group: "go" },
  { name: "help", keys: ["?"], group: "go" },
  { name: "palette", keys: ["Mod+k"], group: "go", fixed: true },
];

/** Keys that this person chose instead: name -> key, "" for none. @type {Record<string, string>} */
const chosen = JSON.parse(page.keys || "{}");

/** @param {Key} key @returns {string[]} */
export const keysOf = (key) => (key.fixed || !(key.name in chosen) ? key.keys : chosen[key.name] ? [chosen[key.name]] : []);

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
/** @type {Record<string, string>} */
const WRITTEN = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc", Mod: MAC ? "⌘" : "Ctrl" };

/** A key as people read it. @param {string} key */
export const written = (key) =>
  key
    .split(/(?<=.)([+ ])/)
    .map((part) => WRITTEN[part] ?? part)
    .join("");

/** @type {Record<string, string>} */
const SHIFTED = { Slash: "?", Period: ">", Comma: "<" };
/** @type {Record<string, string>} */
const PLAIN = { Slash: "/", Period: ".", Comma: ",", BracketLeft: "[", BracketRight: "]" };

/**
 * What was pressed: `c`, `Shift+c`, `?`, `Enter`. An input method that is on gives "Process" or full-width signs:
 * then the place of the key tells.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  let key = event.key;
  if (key === "Process" || key === "Unidentified" || (key.length === 1 && key.charCodeAt(0) > 126)) {
    const letter = /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
    key = letter ?? (event.shiftKey ? SHIFTED : PLAIN)[event.code] ?? event.code;
  }
  if (/^[a-z]$/i.test(key)) return (event.shiftKey ? "Shift+" : "") + key.toLowerCase(); // Caps Lock does not count
  return event.shiftKey && key.length > 1 ? `Shift+${key}` : key;
}

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
}

/** What this page can do. @type {Map<string, (event?: KeyboardEvent) => void>} */
const actions = new Map();

/** @param {Record<string, (event?: KeyboardEvent) => void>} more by the names of KEYS */
export function offer(more) {
  for (const [name, run] of Object.entries(more)) actions.set(name, run);
}

/** What the palette lists. @returns {[Key, (event?: KeyboardEvent) => void][]} */
export const offered = () => KEYS.filter((key) => actions.has(key.name)).map((key) => [key, actions.get(key.name)]);

/** What goes on while a key is held down; all else is done once for each press. */
const GOES_ON = ["next", "previous", "pick_next", "pick_previous"];

/** @param {string} pressed @param {boolean} held */
function bound(pressed, held) {
  const key = KEYS.find((one) => actions.has(one.name) && keysOf(one).includes(pressed));
  return key && (held && !GOES_ON.includes(key.name) ? () => {} : actions.get(key.name));
}

/** Enter and Space belong to what has the focus. @param {EventTarget | null} target @param {string} key */
function belongsToFocus(target, key) {
  return (key === "Enter" || key === " ") && target instanceof Element && target.closest("a, button, summary, input") !== null;
}

/** What a key is meant for. A dialog that was closed keeps the focus until the next frame: of keys after that which closed it, the page is meant. @param {KeyboardEvent} event */
function meantFor({ target, defaultPrevented }) {
  if (defaultPrevented || !(target instanceof HTMLElement) || !target.closest("dialog:not([open])")) return target;
  target.blur();
  return document.body;
}

/** Ctrl+Enter where a text is written: its form's first button. @param {KeyboardEvent} event */
function submit(event) {
  const text = event.target;
  if (!(text instanceof HTMLTextAreaElement) || !text.form || text.readOnly) return;
  event.preventDefault();
  if (!event.repeat) text.form.requestSubmit(/** @type {HTMLButtonElement | null} */ (text.form.querySelector("button:not([type=button])")));
}

export function startKeys() {
  let prefix = "";
  let forget = 0;
  document.addEventListener("keydown", (event) => {
    const composing = event.isComposing || event.keyCode === 229;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k" && !composing) {
      event.preventDefault();
      actions.get("palette")?.(event);
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !composing && !event.defaultPrevented) {
      submit(event);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = meantFor(event);
    if (typing(target)) {
      if (event.key === "Escape" && !composing) /** @type {HTMLElement} */ (target).blur();
      return;
    }
    if (!page.shortcuts && event.key !== "Escape") return;
    const key = keyOf(event);
    if (belongsToFocus(target, key)) return;
    clearTimeout(forget);
    const run = bound(prefix + key, event.repeat);
    prefix = !run && key === "g" ? "g " : "";
    if (prefix) forget = setTimeout(() => (prefix = ""), 1500);
    if (!run) return;
    event.preventDefault();
    run(event);
  });
}
