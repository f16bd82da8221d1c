// The tools above the picture, and the line that says what to do next.

import { nounOf } from "./geometry.js";
import { count, percent } from "./words.js";

export class Tools {
  constructor({ h, store, make }) {
    this.h = h;
    this.store = store;
    const { segmented, range } = make;
    const set = (key) => (value) => store.update({ [key]: value });
    this.direction = segmented(
      "Edges",
      "From which patches a patch aggregates, or which patches aggregate from it (o)",
      [
        [false, "its neighbors"],
        [true, "who aggregates from it"],
      ],
      set("out"),
    );
    this.hops = segmented(
      "Hops",
      "Edges of the neighbors' own neighbors, one layer earlier with each hop (1, 2, 3)",
      [
        [1, "1"],
        [2, "2"],
        [3, "3"],
      ],
      set("hops"),
    );
    this.k = range(
      "Neighbors",
      "Keep only each patch's first neighbors, in the order chosen below",
      { min: 1, step: 1 },
      (value, field) => store.update({ k: value >= Number(field.max) ? 0 : value }),
    );
    this.share = range(
      "Share at least",
      "Hide edges whose share of channels is smaller",
      { min: 0, max: 50, step: 1 },
      (value) => store.update({ share: value / 100 }),
    );
    this.opacity = range(
      "Map opacity",
      "How strongly the map covers the photograph; where it is 0 it never does",
      { min: 0, max: 100, step: 5 },
      (value) => store.update({ opacity: value / 100 }),
    );
    this.zoom = this.makeZoom();
    this.wrap = h(
      "div",
      { class: "vge-tools" },
      this.direction.wrap,
      this.hops.wrap,
      this.k.wrap,
      this.share.wrap,
      this.opacity.wrap,
      this.zoom.wrap,
    );
  }

  makeZoom() {
    const { h, store } = this;
    const button = (text, title, click, name = title) =>
      h("button", { type: "button", textContent: text, title, "aria-label": name, on: { click } });
    const all = button("1\u00d7", "Show all of it (0)", () => store.update({ zoom: 1 }), null);
    const group = h(
      "div",
      { class: "vge-segments", role: "group", "aria-label": "Zoom" },
      button("\u2212", "Zoom out (\u2212)", () => store.zoomBy(1 / 1.5)),
      all,
      button("+", "Zoom in (+), or Control and the wheel", () => store.zoomBy(1.5)),
    );
    return {
      wrap: h("div", { class: "vge-control" }, h("span", { class: "vge-label", textContent: "Zoom" }), group),
      all,
    };
  }

  draw({ subject }) {
    const { state } = this.store;
    this.direction.show(state.out);
    this.hops.show(state.hops);
    const most = Math.max(...subject.layers.map((layer) => layer.k));
    this.k.field.max = String(most);
    this.k.field.value = String(state.k === 0 ? most : Math.min(most, state.k));
    this.k.value.textContent = state.k === 0 || state.k >= most ? "all" : `first ${state.k}`;
    for (const key of ["share", "opacity"]) {
      this[key].field.value = String(Math.round(100 * state[key]));
      this[key].value.textContent = percent(state[key]);
    }
    this.zoom.all.textContent = `${Number(state.zoom.toFixed(1))}\u00d7`;
  }
}

/** What to do next, in one line, and for hands without a Shift or Escape key the two deeds that need one. */
export class Hint {
  constructor({ h, store, touch }) {
    this.store = store;
    this.touch = touch;
    const button = (text, title, click) => h("button", { type: "button", textContent: text, title, on: { click } });
    this.words = h("p", { class: "vge-note" });
    this.add = button("Add another", "The next patch clicked is kept too, in a color of its own", () => {
      store.adding = !store.adding;
      store.later("words");
    });
    this.release = button("Let go", "Keep no patch any longer", () => store.update({ pins: [] }));
    this.wrap = h("div", { class: "vge-hint" }, this.words, this.add, this.release);
  }

  draw({ layer }) {
    const { state } = this.store;
    const kept = state.pins.length;
    const noun = nounOf(layer.grid);
    const deed = state.out ? "who aggregates from it" : "its neighbors";
    const touched = this.touch.matches;
    if (kept)
      this.words.textContent = `${count(kept, noun, noun === "patch" ? "patches" : `${noun}s`)} kept. ${touched ? "" : "Shift-click adds another, Escape lets go."}`;
    else
      this.words.textContent = touched
        ? `Tap a ${noun} to see ${deed}.`
        : `Point at a ${noun} to see ${deed}. Click to keep it.`;
    this.add.hidden = this.release.hidden = !kept;
    this.store.adding = this.store.adding && kept > 0;
    this.add.setAttribute("aria-pressed", String(this.store.adding));
  }
}
