// The strip of all layers, its slider and the play button.

import { paintShapes } from "./canvas.js";
import { icon, mark, roving } from "./dom.js";
import { frameOf, sized } from "./painting.js";
import { sceneOf } from "./scene.js";
import { shapesOf } from "./shapes.js";
import { activesOf, edgesFor } from "./view.js";

const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const PLAY = "M4 2.5v11l9-5.5z";

const nodesOf = (grid) => (grid.regions ? `${grid[1]} regions` : `${grid[0]} by ${grid[1]} patches`);

export class Strip {
  constructor({ h, store, pictures, signal, still }) {
    this.h = h;
    this.store = store;
    this.pictures = pictures;
    this.still = still;
    this.timer = 0;
    this.minis = [];
    this.play = h("button", {
      type: "button",
      class: "vge-play",
      title: "Play through the layers (p)",
      on: { click: () => this.toggle() },
    });
    this.slider = h("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "Layer",
      title: "Walk through the layers ([ and ])",
      on: { input: () => store.update({ layer: this.layers[Number(this.slider.value)].number }) },
    });
    this.strip = h("div", { class: "vge-strip", role: "radiogroup", "aria-label": "Layers" });
    roving(this.strip, signal);
    this.wrap = h("div", { class: "vge-layers" }, this.play, h("div", { class: "vge-track" }, this.slider, this.strip));
  }

  get layers() {
    const { doc, state } = this.store;
    return doc.subjects[state.subject].layers;
  }

  get at() {
    return this.layers.findIndex((layer) => layer.number === this.store.state.layer);
  }

  step(by) {
    const { layers } = this;
    this.store.update({ layer: layers[Math.min(layers.length - 1, Math.max(0, this.at + by))].number });
  }

  toggle() {
    if (this.timer) this.halt();
    else this.start();
  }

  start() {
    if (this.layers.length < 2) return;
    if (this.at === this.layers.length - 1) this.store.update({ layer: this.layers[0].number });
    const next = () => this.store.update({ layer: this.layers[(this.at + 1) % this.layers.length].number });
    this.timer = window.setInterval(next, this.still.matches ? 1800 : 1000);
    this.store.later("words");
  }

  halt() {
    clearInterval(this.timer);
    this.timer = 0;
    this.store.later("words");
  }

  addMini() {
    const { h, store } = this;
    const at = this.minis.length;
    const base = h("canvas");
    const over = h("canvas");
    const label = h("span", { class: "vge-mini-number" });
    const face = h("span", { class: "vge-mini-face" }, base, over);
    const choose = () => store.update({ layer: this.layers[at].number });
    const button = h(
      "button",
      { type: "button", role: "radio", class: "vge-mini", on: { click: choose } },
      face,
      label,
    );
    this.minis.push({ base, over, label, face, button });
    this.strip.append(button);
  }

  drawFrame(subject) {
    const { slider } = this;
    slider.max = String(subject.layers.length - 1);
    slider.value = String(this.at);
    slider.setAttribute("aria-valuetext", `layer ${this.store.state.layer} of ${subject.depth}`);
  }

  drawBases(view) {
    const { state } = this.store;
    const { layers } = view.subject;
    while (this.minis.length > layers.length) this.minis.pop().button.remove();
    while (this.minis.length < layers.length) this.addMini();
    layers.forEach((layer, i) => {
      const { base, label, face, button } = this.minis[i];
      label.textContent = String(layer.number);
      face.style.aspectRatio = `${view.shown.width} / ${view.shown.height}`;
      mark(button, layer.number === state.layer);
      button.setAttribute(
        "aria-label",
        `Layer ${layer.number} of ${view.subject.depth}, ${nodesOf(layer.grid)}, ${layer.k} neighbors`,
      );
      if (layer.number === state.layer)
        this.strip.scrollLeft =
          button.offsetLeft - this.strip.offsetLeft - (this.strip.clientWidth - button.offsetWidth) / 2;
      const context = sized(base, face);
      this.pictures.paint(context, state, { ...view, layer }, frameOf(view.shown, base.width), {
        lines: false,
        opacity: Math.max(0.5, state.opacity),
      });
    });
  }

  drawEdges(view) {
    const { state, hovered } = this.store;
    view.subject.layers.forEach((layer, i) => {
      const mini = this.minis[i];
      if (!mini) return;
      const actives = activesOf(state, hovered, view, layer);
      const { edges, by } = edgesFor(state, view, layer, actives, 1);
      const context = sized(mini.over, mini.face);
      const marks = sceneOf({ ...view, layer, actives, edges, by, hover: null, lit: null }, { mini: true });
      paintShapes(context, shapesOf(marks, frameOf(view.shown, mini.over.width)));
    });
  }

  drawWords() {
    this.play.replaceChildren(icon(this.timer ? PAUSE : PLAY));
    this.play.setAttribute("aria-label", this.timer ? "Stop" : "Play through the layers");
    this.play.setAttribute("aria-pressed", String(Boolean(this.timer)));
  }

  end() {
    clearInterval(this.timer);
  }
}
