// What edges are ordered, widened and colored by: rank, share, contribution, effect, and what stands in where a layer
// does not know one of them.

import { known } from "./words.js";

export const VALUES = ["rank", "share", "contribution", "effect"];
const SIGNED = ["contribution", "effect"];
/** How wide the strongest edge of a signed value is: as one with this share. */
const WIDEST = 0.6;

/**
 * What a layer's edges are ordered by: as asked, else the contribution, the share, the rank, whichever is known first.
 *
 * @param {string} asked
 * @param {any} row the row's arrays for this layer
 * @param {any} layer
 */
export function orderOf(asked, row, layer) {
  for (const by of asked === "effect" ? ["effect", "contribution", "share"] : ["contribution", "share"]) {
    if (by === "contribution" && !["contribution", "effect"].includes(asked)) continue;
    if (asked !== "rank" && isKnown(by, row, layer)) return by;
  }
  return "rank";
}

/** Whether a layer has such values, and any but 0. */
export function isKnown(by, row, layer) {
  if (by === "rank") return true;
  const values = by === "share" ? (row.share ?? layer.share) : row[by];
  row.told ??= {};
  row.told[by] ??= Boolean(values?.some((value) => known(value) && value !== 0));
  return row.told[by];
}

/** What widths stand for; further hops show shares. */
export const widthBy = (state, order) => (state.width !== "auto" ? state.width : order === "rank" ? "share" : order);

/** What edges of a view are colored by. */
export const colorBy = (state, order, centers) =>
  state.color !== "auto" ? state.color : SIGNED.includes(order) && centers <= 1 ? order : "center";

/**
 * How many of a node's edges come before the one at `place`, the largest first.
 *
 * @param {ArrayLike<number>} values of all edges of the layer
 */
export function turnOf(values, neighbors, k, place) {
  const first = place - (place % k);
  const size = (at) => (known(values[at]) ? Math.abs(values[at]) : 0);
  let before = 0;
  for (let at = first; at < first + k; at++) {
    if (neighbors[at] < 0 || at === place) continue;
    if (size(at) > size(place) || (size(at) === size(place) && at < place)) before++;
  }
  return before;
}

/** The largest size of a value among the edges of the first hop; what widths and colors end at. */
export const topOf = (edges, by) =>
  edges.reduce((top, edge) => (edge.hop > 1 ? top : Math.max(top, Math.abs(edge[by]) || 0)), 0) || 1;

/** The value whose sign breaks the shafts of edges, as in figures; "" where what is drawn has none. */
export const signOf = (by) => [by.color, by.width].find((name) => SIGNED.includes(name)) ?? "";

/** How wide an edge is, from 0 to 1: the share itself, else a part of `WIDEST`. */
export function strengthOf(edge, by, top) {
  if (by === "share" || edge.hop > 1) return known(edge.share) ? edge.share : 0;
  if (by === "rank") return (WIDEST * (top + 1 - Math.max(1, Math.min(top, edge.nth)))) / top;
  return known(edge[by]) ? (WIDEST * Math.min(top, Math.abs(edge[by]))) / top : 0;
}

/** What the end of the scale of widths is. */
export const widthTop = (edges, by) => (by === "rank" ? topOf(edges, "nth") : by === "share" ? 1 : topOf(edges, by));

export const WIDTH_WORDS = {
  rank: "rank",
  share: "share of channels",
  contribution: "size of contribution",
  effect: "size of effect",
};
