// The pictures: photograph with map, marks above it, and the grid of patches that takes pointer and keys.

import { paintShapes } from "./canvas.js";
import { boxOf, centerOf, nodeAt } from "./geometry.js";
import { Legend } from "./legend.js";
import { frameOf, sized } from "./painting.js";
import { sceneOf } from "./scene.js";
import { captionOf, nameOf, sentenceOf } from "./sentences.js";
import { shapesOf } from "./shapes.js";
import { pointedView } from "./view.js";

/** How long one map melts into the next, in ms. */
const FADE = 260;

export class Pane {
  constructor({ h, store, pictures, uid, still }, which) {
    this.store = store;
    this.pictures = pictures;
    this.still = still;
    this.which = which;
    /** @type {any} what is looked at; null while this pane is not shown. */
    this.view = null;
    this.fading = null;
    this.base = h("canvas", { class: "vge-base", "aria-hidden": "true" });
    this.over = h("canvas", { class: "vge-over", "aria-hidden": "true" });
    this.cell = h("div", { role: "gridcell", id: `${uid}-cell-${which}` });
    this.line = h("div", { role: "row" }, this.cell);
    this.grid = h(
      "div",
      {
        class: "vge-grid",
        role: "grid",
        tabIndex: 0,
        "aria-activedescendant": this.cell.id,
        "aria-label": "Patches. Arrow keys move, Enter keeps a patch, Shift and Enter adds one.",
        on: {
          pointermove: (event) => this.point(event),
          pointerleave: (event) => event.pointerType !== "touch" && this.leave(),
          click: (event) => {
            this.point(event);
            this.pin(store.hovered, event.shiftKey || event.ctrlKey || event.metaKey);
          },
          keydown: (event) => this.walk(event),
          blur: () => store.byKeys && this.leave(),
        },
      },
      this.line,
    );
    this.stage = h("div", { class: "vge-stage" }, this.base, this.over, this.grid);
    this.caption = h("figcaption", { class: "vge-caption" });
    this.name = h("div", { class: "vge-pane-name" });
    this.legend = new Legend(h);
    this.figure = h("figure", { class: "vge-pane" }, this.name, this.stage, this.caption, this.legend.wrap);
  }

  refresh() {
    this.view = pointedView(this.store.doc, this.store.state, this.store, this.which);
    this.figure.hidden = !this.view;
  }

  layout() {
    const { image } = this.view;
    this.stage.style.aspectRatio = `${image.width} / ${image.height}`;
    const [left, top, right, bottom] = image.view;
    const share = (value, whole) => `${(100 * value) / whole}%`;
    Object.assign(this.grid.style, {
      left: share(left, image.width),
      top: share(top, image.height),
      width: share(right - left, image.width),
      height: share(bottom - top, image.height),
    });
  }

  /** Let the map of the layer left behind melt into the new one. */
  fade() {
    if (this.still.matches || document.hidden || !this.view || !this.base.width) return;
    const copy = document.createElement("canvas");
    copy.width = this.base.width;
    copy.height = this.base.height;
    copy.getContext("2d").drawImage(this.base, 0, 0);
    this.fading = { copy, since: performance.now() };
  }

  drawBase() {
    const context = sized(this.base, this.stage);
    this.pictures.paint(context, this.store.state, this.view, this.base.width);
    if (!this.fading) return;
    const done = (performance.now() - this.fading.since) / FADE;
    if (done >= 1 || this.fading.copy.width !== this.base.width) this.fading = null;
    else {
      context.globalAlpha = 1 - done;
      context.drawImage(this.fading.copy, 0, 0);
      context.globalAlpha = 1;
      this.store.later("base");
    }
  }

  drawOver() {
    const context = sized(this.over, this.stage);
    paintShapes(context, shapesOf(sceneOf(this.view), frameOf(this.view, this.over.width)));
  }

  drawWords() {
    const { doc, state, hovered } = this.store;
    const { layer, actives } = this.view;
    this.caption.textContent = captionOf(state, this.view);
    this.name.textContent = state.with ? nameOf(doc, this.which === 0 ? state : state.with) : "";
    this.legend.draw(state, this.view);
    const at = hovered ?? (actives[0] && [actives[0].x, actives[0].y]);
    const node = at ? nodeAt(layer.grid, ...at) : 0;
    this.grid.setAttribute("aria-rowcount", String(layer.grid[0]));
    this.grid.setAttribute("aria-colcount", String(layer.grid[1]));
    this.line.setAttribute("aria-rowindex", String(Math.floor(node / layer.grid[1]) + 1));
    this.cell.setAttribute("aria-colindex", String((node % layer.grid[1]) + 1));
    this.cell.setAttribute("aria-selected", String(state.pins.some((each) => nodeAt(layer.grid, ...each) === node)));
    this.cell.setAttribute("aria-label", sentenceOf(state, this.view, node));
  }

  point(event) {
    const box = this.grid.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (at.every((v) => v >= 0 && v <= 1)) this.store.point(this.view.layer.grid, at);
  }

  leave() {
    this.store.point(null, null);
  }

  pin(at, add) {
    const { store } = this;
    store.pin(pinGrid(store), at, store.adding || add);
  }

  walk(event) {
    const { store } = this;
    const { layer, row, actives } = this.view;
    const [rows, cols] = layer.grid;
    const steps = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      Home: [0, -cols],
      End: [0, cols],
    };
    const step = steps[event.key];
    if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const start = store.hovered ?? store.state.pins[0];
      const from = start ? nodeAt(layer.grid, ...start) : Math.max(0, row.layers[layer.place].peak);
      const clip = (value, top) => Math.min(top - 1, Math.max(0, value));
      const r = clip(Math.floor(from / cols) + step[0], rows);
      const c = clip((from % cols) + step[1], cols);
      store.point(layer.grid, centerOf(boxOf(layer.grid, r * cols + c)), { byKeys: true });
    } else if (event.key === "Enter" || event.key === " ") {
      this.pin(store.hovered ?? (actives[0] ? [actives[0].x, actives[0].y] : null), event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The grid that tells whether two kept places are the same patch: that of the first pane's layer. */
function pinGrid({ doc, state }) {
  return doc.subjects[state.subject].layers.find((layer) => layer.number === state.layer).grid;
}
