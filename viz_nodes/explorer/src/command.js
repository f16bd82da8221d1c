// The command line that renders a view.

import { quoted } from "./sentences.js";
import { DEFAULTS } from "./state.js";

/** The words of `vizgraph render` for a view, quoted for a shell. */
export function commandOf(state, { subject, row }) {
  const words = [...subject.command, "--layers", String(state.layer), "--k", state.k ? String(state.k) : "all"];
  if (row.target >= 0) words.push("--target", String(row.target));
  if (row.versus !== null) words.push("--versus", String(row.versus));
  words.push("--method", row.method);
  for (const pin of state.pins) words.push("--center", pin.join());
  if (state.palette !== DEFAULTS.palette) words.push("--palette", state.palette);
  return words.map(quoted).join(" ");
}

/** What a saved picture of a view is called, without an ending. */
export const fileName = (state, { image }) =>
  `${
    image.name
      .replace(/\.[^.]*$/, "")
      .replace(/[^\p{L}\p{N}_-]+/gu, "_")
      .slice(0, 80) || "image"
  }_layer_${state.layer}`;
