// @ts-check
// The last row has left: say so, as the page does that is opened empty.
import { fragment } from "./dom.js";
import { list, rows, viewUrl } from "./rows.js";
import { fetchPart } from "./session.js";

const shows = () => rows().length > 0 || list.querySelector("li.older") !== null || document.getElementById("empty") !== null;

export async function tellIfEmpty() {
  if (shows()) return;
  const answer = await fetchPart(viewUrl()).catch(() => null);
  const empty = answer?.ok ? fragment(await answer.text()).getElementById("empty") : null;
  if (empty && !shows()) list.after(empty);
}
