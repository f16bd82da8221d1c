// The bars and the key of a picture: what its colors, widths and marks say.

import { colorAt, css, PALETTES } from "./colors.js";
import { fieldOf } from "./heatmap.js";
import { signOf, strengthOf, topOf, WIDTH_WORDS } from "./quantities.js";
import { widthOf } from "./scene.js";
import { DASHES, MOST_SETS } from "./sets.js";
import { shapesOf } from "./shapes.js";
import { svgNode, svgShapes } from "./svg.js";
import { count, number, percent } from "./words.js";

/** Shares, and parts of other scales, whose widths the key shows. */
const SHARES = [0.05, 0.25, 0.5];
const PARTS = [0.1, 0.5, 1];

/**
 * What the bars of a view say, the same on screen and in saved pictures.
 *
 * @typedef {{ label: string, low: string, high: string, stops: string[], sharp: boolean }} Bar `stops` are evenly
 *   spaced colors; `sharp` ones are bands side by side.
 * @returns {{ map: Bar, edge: Bar }}
 */
export function barsOf(state, view) {
  return { map: mapBar(state, view), edge: edgeBar(view) };
}

const shade = (color) => Array.from({ length: 9 }, (_, i) => css(color(i / 8)));

function mapBar(state, view) {
  const label = state.field === "chosen" ? "chosen by" : "map";
  const stops = shade((value) => colorAt(PALETTES[state.palette], value));
  return { label, low: "0", high: number(fieldOf(state, view).top), stops, sharp: false };
}

function edgeBar(view) {
  const { theme, actives, edges } = view;
  const label = view.by.color;
  if (label === "share") {
    return {
      label,
      low: "0",
      high: percent(1),
      stops: shade((value) => colorAt(PALETTES.cividis, 0.3 + 0.7 * value)),
      sharp: false,
    };
  }
  if (label === "center") {
    const stops = actives.length ? actives.map(({ color }) => color) : [theme.muted];
    return { label, low: "", high: "", stops, sharp: true };
  }
  if (label === "rank") {
    const stops = shade((value) => colorAt(PALETTES.cividis, 1 - 0.7 * value));
    return { label, low: "1", high: String(topOf(edges, "nth")), stops, sharp: false };
  }
  const top = edges.length ? topOf(edges, label) : null;
  const ends = top === null ? ["\u2212", "+"] : [number(-top, true), number(top, true)];
  return { label, low: ends[0], high: ends[1], stops: shade((value) => colorAt(theme.diverging, value)), sharp: false };
}

/**
 * The marks that a view holds, with their words; `kind` is that of the scene, "width" a sample edge.
 *
 * @returns {{ kind: string, words: string, width: number }[]}
 */
export function keyOf(view) {
  const { actives, row, layer, edges } = view;
  const { peak } = row.layers[layer.place];
  if (view.sets?.length) return setEntries(view, peak);
  const entries = samplesOf(view.by);
  const sign = signOf(view.by);
  if (edges.some((edge) => edge.hop === 1 && !edge.itself && edge[sign] < 0)) {
    const words = sign === "effect" ? "score falls" : "against the class";
    entries.push({ kind: "against", words, width: widthOf(0.2) });
  }
  if (peak >= 0) entries.push({ kind: "star", words: "peak", width: 0 });
  if (actives.some((active) => active.node !== peak)) entries.push({ kind: "diamond", words: "kept patch", width: 0 });
  if (edges.some((edge) => edge.itself && edge.hop === 1)) entries.push({ kind: "ring", words: "itself", width: 0 });
  return entries;
}

/** The hyperedges drawn, each with how much of what the patch hears it is. */
function setEntries({ sets, actives }, peak) {
  const entries = sets.slice(0, MOST_SETS).map(({ share, members }, at) => ({
    kind: "set",
    words: `${count(members.length, "patch", "patches")}, ${percent(share)} of what it hears`,
    width: at,
  }));
  if (peak >= 0) entries.push({ kind: "star", words: "peak", width: 0 });
  if (actives.some((active) => active.node !== peak)) entries.push({ kind: "diamond", words: "kept patch", width: 0 });
  return entries;
}

/** Edges of several widths with what these stand for. */
function samplesOf({ width: by, top }) {
  if (by === "share") return SHARES.map((share) => ({ kind: "width", words: percent(share), width: widthOf(share) }));
  const values = by === "rank" ? [...new Set([1, Math.ceil(top / 2), top])] : PARTS.map((part) => part * top);
  return values.map((value) => {
    const strength = strengthOf({ [by]: value, nth: value, hop: 1 }, by, top);
    return { kind: "width", words: number(value), width: widthOf(strength) };
  });
}

/** What the widths of a view stand for. */
export const widthWords = (view) =>
  view.sets?.length ? "hyperedges, filled by how much of it a patch makes:" : `width: ${WIDTH_WORDS[view.by.width]}`;

const gradient = ({ stops, sharp }) => {
  const part = 100 / stops.length;
  const words = sharp ? stops.map((color, i) => `${color} ${i * part}% ${(i + 1) * part}%`) : stops;
  return `linear-gradient(90deg, ${words.join(", ")})`;
};

/** The marks of a view with their words, as elements. */
export function keyElements(h, view) {
  const label = h("span", { textContent: widthWords(view) });
  const entries = keyOf(view).map((entry) => {
    const wide = wideOf(entry);
    const node = svgNode("svg", { viewBox: `0 0 ${wide} 16`, width: wide, height: 16, "aria-hidden": "true" });
    node.append(...svgShapes(keyShapes(entry, view, { left: 0, top: 0 })));
    return h("span", { class: "vge-legend-item" }, node, h("span", { textContent: entry.words }));
  });
  return [label, ...entries];
}

/** Units that a mark of the key is wide. */
export const wideOf = ({ kind }) => (kind === "width" || kind === "against" ? 34 : 16);

/** Shapes of a mark of the key, 16 units high. */
export function keyShapes({ kind, width }, view, { left, top }) {
  const { theme } = view;
  const cell = [1, 1];
  const common = { x: 0.5, y: 0.5, cell, most: 1 };
  const gap = { radius: 0, most: 1, cell, part: 1 };
  const sample = {
    kind: "edge",
    points: [0, 0.5, 0.5, 0.5, 1, 0.5],
    gaps: [gap, gap],
    width,
    most: 1,
    cell,
    color: theme.muted,
    alpha: 1,
  };
  const looks = {
    set: keySet(view, width),
    width: sample,
    against: { ...sample, broken: true, casing: theme.casing },
    star: { ...common, kind: "star", radius: 7, fill: theme.peak, rim: theme.rim },
    diamond: { ...common, kind: "diamond", radius: 6, fill: view.actives[0]?.color ?? theme.peak, rim: theme.rim },
    ring: { ...common, kind: "ring", radius: 6, width: 2, color: theme.muted, casing: theme.casing },
  };
  return shapesOf([looks[kind]], { left, top, width: wideOf({ kind }), height: 16, unit: 1 });
}

/** A sample of the outline of a hyperedge, the one at a place among those drawn. */
function keySet({ theme }, at) {
  const loops = [[0.1, 0.15, 0.9, 0.15, 0.9, 0.85, 0.1, 0.85]];
  return { kind: "outline", loops, color: theme.centers[at], casing: theme.casing, width: 1.9, dash: DASHES[at] };
}

export class Legend {
  constructor(h) {
    const make = () => {
      const parts = { label: h("span"), low: h("span"), bar: h("span", { class: "vge-bar" }), high: h("span") };
      return { ...parts, wrap: h("span", { class: "vge-legend-item" }, parts.label, parts.low, parts.bar, parts.high) };
    };
    this.map = make();
    this.edge = make();
    this.wrap = h("div", { class: "vge-legend", "aria-hidden": "true" }, this.map.wrap, this.edge.wrap);
  }

  draw(state, view) {
    for (const [name, bar] of Object.entries(barsOf(state, view))) {
      const item = this[name];
      for (const part of ["label", "low", "high"]) item[part].textContent = bar[part];
      item.bar.style.background = gradient(bar);
    }
  }
}
