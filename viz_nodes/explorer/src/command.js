// The command line that draws a view as a figure, and what of the view it cannot draw.

import { quoted } from "./sentences.js";
import { DEFAULTS } from "./state.js";

/** More than any hop has, for `--far`. */
const EVERY_EDGE = 1e6;

/**
 * The words of `vizgraph render` for a view, quoted for a shell; `line` is "" where no command can draw it.
 *
 * @returns {{ line: string, lacks: string }} `lacks` says what the command does not draw, or why there is none.
 */
export function commandOf(state, { subject, row, top = 0 }) {
  if (!subject.command)
    return { line: "", lacks: "There is no command line for this network: vizgraph did not load it." };
  if (state.out) {
    return { line: "", lacks: "No command line draws who aggregates from a patch: save the picture instead." };
  }
  const words = [...subject.command, "--layers", String(state.layer), "--k", state.k ? String(state.k) : "all"];
  if (row.target >= 0) words.push("--target", String(row.target));
  if (row.versus !== null) words.push("--versus", String(row.versus));
  words.push("--method", row.method);
  for (const pin of state.pins) words.push("--center", pin.join());
  if (state.hops > 1) words.push("--hops", String(state.hops));
  if (state.order !== DEFAULTS.order) words.push("--order", state.order);
  if (state.width !== DEFAULTS.width) words.push("--edge-width", state.width);
  if (state.color !== DEFAULTS.color) words.push("--color", state.color);
  if (state.hops > 1 && state.far !== DEFAULTS.far) words.push("--far", String(state.far || EVERY_EDGE));
  words.push("--canvas", state.canvas);
  if (state.palette !== DEFAULTS.palette) words.push("--palette", state.palette);
  if (state.opacity !== DEFAULTS.opacity) words.push("--alpha", String(state.opacity));
  // The command explains one layer: what is shared with the others goes along as a number.
  if (state.scale === "shared" && top > 0) words.push("--map-max", String(Number(top.toPrecision(4))));
  if (!state.smooth) words.push("--no-smooth");
  if (!state.grid) words.push("--no-grid");
  return { line: words.map(quoted).join(" "), lacks: lacksOf(state) };
}

function lacksOf(state) {
  const parts = [
    state.with ? "the second picture" : "",
    state.share > 0 ? "the least share" : "",
    state.field === "chosen" ? "how often patches are chosen" : "",
    state.zoom > 1 ? "the zoom" : "",
  ].filter(Boolean);
  return parts.length ? `The command draws this view without ${parts.join(", ")}.` : "";
}

/** What a saved picture of a view is called, without an ending. */
export const fileName = (state, { image }) =>
  `${
    image.name
      .replace(/\.[^.]*$/, "")
      .replace(/[^\p{L}\p{N}_-]+/gu, "_")
      .slice(0, 80) || "image"
  }_layer_${state.layer}`;
