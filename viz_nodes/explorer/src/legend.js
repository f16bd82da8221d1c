// The bars below a picture: what its colors say.

import { colorAt, DIVERGING, PALETTES, PLAIN_EDGE } from "./colors.js";
import { topOf } from "./heatmap.js";
import { contributionTop, edgeColoring } from "./scene.js";
import { number, percent } from "./words.js";

/**
 * What the bars of a view say, the same on screen and in saved pictures.
 *
 * @returns {{ map: Scale, edge: Scale }}
 * @typedef {{ label: string, low: string, high: string, stops: string[], sharp: boolean }} Scale `stops` are evenly
 *   spaced CSS colors; `sharp` ones are bands side by side.
 */
export function scalesOf(state, view) {
  const shade = (color) => Array.from({ length: 9 }, (_, i) => `rgb(${color(i / 8).join(" ")})`);
  const map = {
    label: "map",
    low: "0",
    high: number(topOf(view.row, view.layer, state.scale)),
    stops: shade((value) => colorAt(PALETTES[state.palette], value)),
    sharp: false,
  };
  const label = edgeColoring(view);
  const edge = { label, low: "", high: "", stops: [], sharp: false };
  if (label === "contribution") {
    const top = view.edges.length ? contributionTop(view.edges) : null;
    edge.low = top === null ? "against" : `against ${number(-top)}`;
    edge.high = top === null ? "for" : `${number(top, true)} for`;
    edge.stops = shade((value) => colorAt(DIVERGING, value));
  } else if (label === "share") {
    [edge.low, edge.high] = ["0", percent(1)];
    edge.stops = shade((value) => colorAt(PALETTES.cividis, 0.35 + 0.65 * value));
  } else {
    edge.stops = view.actives.length ? view.actives.map(({ color }) => color) : [PLAIN_EDGE];
    edge.sharp = true;
  }
  return { map, edge };
}

const gradient = ({ stops, sharp }) => {
  const part = 100 / stops.length;
  const words = sharp ? stops.map((color, i) => `${color} ${i * part}% ${(i + 1) * part}%`) : stops;
  return `linear-gradient(90deg, ${words.join(", ")})`;
};

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
    for (const [name, scale] of Object.entries(scalesOf(state, view))) {
      const item = this[name];
      for (const part of ["label", "low", "high"]) item[part].textContent = scale[part];
      item.bar.style.background = gradient(scale);
    }
  }
}
