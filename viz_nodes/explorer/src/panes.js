// The pictures: photograph with map, marks above it, and the grid of patches that takes pointer and keys.

import { paintShapes } from "./canvas.js";
import { boxOf, nodeAt, spotOf, stepFrom } from "./geometry.js";
import { Legend } from "./legend.js";
import { frameOf, sized } from "./painting.js";
import { sceneOf } from "./scene.js";
import { captionOf, nameOf, sentenceOf } from "./sentences.js";
import { shapesOf } from "./shapes.js";
import { pointedView } from "./view.js";

/** How far a pointer goes before it drags, in pixels. */
const DRAG = 4;
/** How long one map melts into the next, in ms. */
const FADE = 260;

export class Pane {
  constructor({ h, store, pictures, uid, still, signal }, which) {
    this.store = store;
    this.pictures = pictures;
    this.still = still;
    this.which = which;
    /** @type {any} what is looked at; null while this pane is not shown. */
    this.view = null;
    this.fading = null;
    /** @type {{ x: number, y: number, at: number[], moved: boolean } | null} */
    this.dragged = null;
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
          pointerdown: (event) => this.press(event),
          pointermove: (event) => this.point(event),
          pointerleave: (event) => event.pointerType !== "touch" && this.leave(),
          click: (event) => this.click(event),
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
    const fit = h("div", { class: "vge-fit" }, this.stage);
    this.figure = h("figure", { class: "vge-pane" }, this.name, fit, this.caption, this.legend.wrap);
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
  }

  refresh() {
    this.view = pointedView(this.store.doc, this.store.state, this.store, this.which);
    this.figure.hidden = !this.view;
  }

  layout() {
    const { shown } = this.view;
    this.stage.style.setProperty("--vge-shown", String(shown.width / shown.height));
    const { outer, left, top, width, height } = frameOf(shown, shown.width, this.store.state);
    const share = (value, whole) => `${(100 * value) / whole}%`;
    Object.assign(this.grid.style, {
      left: share(left, outer.width),
      top: share(top, outer.height),
      width: share(width, outer.width),
      height: share(height, outer.height),
    });
    this.grid.classList.toggle("vge-movable", this.store.state.zoom > 1);
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
    this.pictures.paint(context, this.store.state, this.view, this.frame(this.base.width));
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
    paintShapes(context, shapesOf(sceneOf(this.view), this.frame(this.over.width)));
  }

  frame(width) {
    return frameOf(this.view.shown, width, this.store.state);
  }

  drawWords() {
    const { doc, state, hovered } = this.store;
    const { layer, actives } = this.view;
    this.caption.textContent = captionOf(state, this.view);
    this.name.textContent = state.with ? nameOf(doc, this.which === 0 ? state : state.with) : "";
    this.legend.draw(state, this.view);
    const node = hovered ? nodeAt(layer.grid, ...hovered) : (actives[0]?.node ?? 0);
    this.grid.setAttribute("aria-rowcount", String(layer.grid[0]));
    this.grid.setAttribute("aria-colcount", String(layer.grid[1]));
    this.line.setAttribute("aria-rowindex", String(Math.floor(node / layer.grid[1]) + 1));
    this.cell.setAttribute("aria-colindex", String((node % layer.grid[1]) + 1));
    this.cell.setAttribute("aria-selected", String(state.pins.some((each) => nodeAt(layer.grid, ...each) === node)));
    this.cell.setAttribute("aria-label", sentenceOf(state, this.view, node));
  }

  place(event) {
    const box = this.grid.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  point(event) {
    if (this.dragged) this.drag(event);
    const at = this.place(event);
    if (at.every((v) => v >= 0 && v <= 1)) this.store.point(this.view.layer.grid, at);
  }

  leave() {
    this.store.point(null, null);
  }

  click(event) {
    const moved = this.dragged?.moved;
    this.dragged = null;
    if (moved) return;
    this.point(event);
    this.pin(this.store.hovered, event.shiftKey || event.ctrlKey || event.metaKey);
  }

  pin(at, add) {
    const { store } = this;
    store.pin(pinGrid(store), at, store.adding || add);
  }

  press(event) {
    if (this.store.state.zoom > 1)
      this.dragged = { x: event.clientX, y: event.clientY, at: this.store.state.at, moved: false };
  }

  /** Move what is zoomed in on with the pointer. */
  drag(event) {
    if (!event.buttons) {
      if (!this.dragged.moved) this.dragged = null;
      return;
    }
    const { x, y, at } = this.dragged;
    const [dx, dy] = [event.clientX - x, event.clientY - y];
    if (!this.dragged.moved && Math.hypot(dx, dy) < DRAG) return;
    this.dragged.moved = true;
    const { zoom } = this.store.state;
    const clip = (value) => Math.min(1 - 0.5 / zoom, Math.max(0.5 / zoom, value));
    this.store.update({
      at: [clip(at[0] - dx / (this.stage.clientWidth * zoom)), clip(at[1] - dy / (this.stage.clientHeight * zoom))],
    });
  }

  /** Zoom with Control and the wheel, or two fingers on a touchpad, about the place pointed at. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.stage.getBoundingClientRect();
    const held = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    this.store.zoomBy(Math.exp(-event.deltaY / 200), held);
  }

  walk(event) {
    const { store } = this;
    const { layer, row, actives } = this.view;
    const [, cols] = layer.grid;
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
      store.point(layer.grid, spotOf(boxOf(layer.grid, stepFrom(layer.grid, from, step))), { byKeys: true });
    } else if (event.key === "Enter" || event.key === " ") {
      const here = actives[0] ? spotOf(boxOf(layer.grid, actives[0].node)) : null;
      this.pin(store.hovered ?? here, event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The grid that tells whether two kept places are the same patch: that of the first pane's layer. */
function pinGrid({ doc, state }) {
  return doc.subjects[state.subject].layers.find((layer) => layer.number === state.layer).grid;
}
