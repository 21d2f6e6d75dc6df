// @ts-check
// Putting a text into the answer: as if it was typed, so that it can be undone and is saved like everything else.
import { say } from "./dom.js";

/** A gap that a snippet leaves, as the server finds it (aggregator/answering/safety.py). */
const GAP = /[{｛](?:[\p{L}_][\p{L}\p{N}_]{0,19}|\?)[}｝]/gu;

export const field = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById("reply"));

/** @param {string} text @param {{from?: number, to?: number}} [where] instead of what stands there; else at the caret */
export function insert(text, where = {}) {
  const box = field();
  if (!box) return;
  box.focus();
  const from = where.from ?? box.selectionStart;
  const to = where.to ?? box.selectionEnd;
  const before = box.value.slice(0, from);
  const lead = where.from === undefined && before.trim() && !before.endsWith("\n") ? "\n" : "";
  box.setSelectionRange(from, to);
  // Old, but the one way that keeps the browser's own undo.
  if (!document.execCommand("insertText", false, lead + text)) {
    box.setRangeText(lead + text, from, to, "end");
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  selectGap(from);
}

/** Put the caret on the first gap behind a place, so that typing fills it. @param {number} from */
function selectGap(from = 0) {
  const box = field();
  const gap = [...box.value.matchAll(GAP)].find((each) => each.index >= from);
  if (gap) box.setSelectionRange(gap.index, gap.index + gap[0].length);
}

/** Say which gaps are left, each a button that leads there. */
export function tellGaps() {
  const [box, line] = [field(), document.getElementById("gaps")];
  if (!box || !line) return;
  const gaps = [...box.value.matchAll(GAP)];
  line.hidden = gaps.length === 0;
  line.replaceChildren(
    ...(gaps.length ? [say("gaps")] : []),
    ...gaps.map((gap) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: gap[0] });
      button.addEventListener("click", () => {
        box.focus();
        box.setSelectionRange(gap.index, gap.index + gap[0].length);
      });
      return button;
    }),
  );
}

/** Whoever writes already sees the box and its button where they stood, whatever comes in above. @param {() => void} change */
export function withoutPushing(change) {
  const top = () => field()?.getBoundingClientRect().top ?? 0;
  const before = top();
  change();
  if (document.activeElement === field()) scrollBy({ top: top() - before, behavior: "instant" });
}
