// @ts-check
// Show a part of the page as it is now, around an element that must not be touched: moved, it would lose an input
// method's half-written word, the caret, and its undo.

/**
 * @param {Element} old @param {Element} fresh in its place
 * @param {Element} kept in `old`: stays where it stands @param {Element} twin what stands for it in `fresh`
 */
export function renewAround(old, fresh, kept, twin) {
  if (old === kept) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [mine, theirs] = [[...old.childNodes], [...fresh.childNodes]];
  const stays = mine.find((node) => node.contains(kept));
  const at = theirs.findIndex((node) => node.contains(twin));
  for (const node of mine) if (node !== stays) node.remove();
  /** @type {ChildNode} */ (stays).before(...theirs.slice(0, at));
  /** @type {ChildNode} */ (stays).after(...theirs.slice(at + 1));
  renewAround(/** @type {Element} */ (stays), /** @type {Element} */ (theirs[at]), kept, twin);
}
