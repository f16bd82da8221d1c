// How the picture looks: method, palette, colors, scale, canvas.

import { PALETTES } from "./colors.js";
import { methodWords } from "./words.js";

const ORDERS = [
  ["contribution", "contribution"],
  ["effect", "effect, where measured"],
  ["share", "share of channels"],
  ["rank", "rank"],
];
const WIDTHS = [["auto", "as the order"], ...ORDERS];
const COLORS = [["auto", "automatic"], ...ORDERS, ["center", "kept patch"]];

export class Looks {
  constructor({ h, store, make }) {
    this.store = store;
    this.make = make;
    const { segmented, toggle, choice } = make;
    const set = (key) => (value) => store.update({ [key]: value });
    this.method = choice("Method", "How evidence for the class is read off", [], set("method"));
    this.palette = choice(
      "Palette of the map",
      "Colors of the map; jet is the one of the GraphConvNet release",
      Object.keys(PALETTES).map((name) => [name, name]),
      set("palette"),
    );
    this.color = choice(
      "Color of edges",
      "What edges are colored by: what they are ordered by with one patch, the kept patch with several",
      COLORS,
      set("color"),
    );
    this.order = choice(
      "Order of neighbors",
      "Which neighbors come first: those of the largest contribution foretell best what cutting them does",
      ORDERS,
      set("order"),
    );
    this.width = choice(
      "Width of edges",
      "What makes edges wide: what they are ordered by; with ranks the share",
      WIDTHS,
      set("width"),
    );
    this.scale = segmented(
      "Top of the map's scale",
      "Whether each layer's map ends at its own maximum, or all at one",
      [
        ["layer", "this layer"],
        ["shared", "all layers"],
      ],
      set("scale"),
    );
    this.canvas = segmented(
      "Canvas",
      "The photograph in its own aspect, or squashed or cut as the network saw it",
      [
        ["original", "photograph"],
        ["input", "network's view"],
      ],
      set("canvas"),
    );
    this.smooth = toggle("smooth", "Blend the map between patches, or show one color a patch", set("smooth"));
    this.grid = toggle("patch grid", "Lines between patches", set("grid"));
    this.sets = toggle(
      "hyperedges as sets",
      "The groups of patches that a patch hears, outlined; else edges from their members",
      set("sets"),
    );
    const checks = h("div", { class: "vge-checks" }, this.smooth.wrap, this.grid.wrap, this.sets.wrap);
    this.wrap = h(
      "div",
      { class: "vge-side vge-looks" },
      this.method.wrap,
      this.palette.wrap,
      this.order.wrap,
      this.width.wrap,
      this.color.wrap,
      this.scale.wrap,
      this.canvas.wrap,
      checks,
    );
  }

  draw({ subject, layer }) {
    this.sets.wrap.hidden = !layer.heard;
    const { state } = this.store;
    this.scale.show(state.scale);
    this.canvas.show(state.canvas);
    const methods = [
      ...new Set(subject.rows.filter((each) => each.target === state.target).map((each) => each.method)),
    ];
    if ([...this.method.select.options].map((option) => option.value).join() !== methods.join()) {
      this.method.select.replaceChildren(...methods.map((name) => this.make.option(name, methodWords(name))));
    }
    this.method.wrap.hidden = methods.length < 2;
    for (const key of ["order", "width", "color", "method", "palette"]) this[key].select.value = state[key];
    for (const key of ["smooth", "grid", "sets"]) this[key].field.checked = state[key];
  }
}
