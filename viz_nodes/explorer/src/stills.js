// Pictures that stand in for this widget in a saved notebook: hidden while it is alive.

const MARK = "vizgraph-explorer\0";
/** How much of a picture's data is looked at: its mark is in its first chunks. */
const BEGINNING = 240;

/** The key in a PNG given as a data URL; "" where it has none. */
export function keyOf(source) {
  const data = source.slice(0, BEGINNING).split(",")[1] ?? "";
  let bytes = "";
  try {
    bytes = atob(data.slice(0, data.length - (data.length % 4)));
  } catch {
    return "";
  }
  const at = bytes.indexOf(MARK);
  return at < 0 ? "" : bytes.slice(at + MARK.length, at + MARK.length + 16);
}

/**
 * Hide the outputs of the same notebook cell that hold a picture of this widget, once the widget is in the page: hosts
 * draw widgets before they put them there.
 *
 * @param {HTMLElement} el where the widget is.
 * @param {string | undefined} key the widget's.
 * @returns {() => void} shows them again.
 */
export function hideStills(el, key) {
  if (!key) return () => {};
  /** @type {HTMLElement[]} */
  const hidden = [];
  const arrival = new ResizeObserver(() => {
    if (!el.isConnected) return;
    arrival.disconnect();
    for (const image of el.closest(".jp-OutputArea")?.querySelectorAll(".jp-OutputArea-child img") ?? []) {
      const child = /** @type {HTMLElement} */ (image.closest(".jp-OutputArea-child"));
      if (keyOf(/** @type {HTMLImageElement} */ (image).src) === key) hidden.push(child);
    }
    for (const child of hidden) child.style.display = "none";
  });
  arrival.observe(el);
  return () => {
    arrival.disconnect();
    for (const child of hidden) child.style.display = "";
  };
}
