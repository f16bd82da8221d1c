// The state that the explorer's parts share: the view, the pointer, and what waits to be drawn.

import { THEMES } from "./colors.js";
import { boxOf, nodeAt, nodeUnder, spotOf } from "./geometry.js";
import { MOST_PINS, MOST_ZOOM, resolve } from "./state.js";

export class Store {
  /**
   * @param {any} doc an opened document.
   * @param {object} given the state to begin with.
   * @param {(state: object) => void} told called with a copy of the state after each change made here.
   * @param {(parts: Set<string>) => void} draw called with what waited for the next frame.
   */
  constructor(doc, given, told, draw) {
    this.doc = doc;
    this.told = told;
    this.draw = draw;
    this.state = resolve(doc, given);
    /** @type {number[] | null} [x, y] under the pointer or the keyboard's cursor. */
    this.hovered = null;
    /** Whether `hovered` was set by keys. */
    this.byKeys = false;
    /** @type {[number, any] | null} pane and edge whose table line is pointed at. */
    this.lit = null;
    /** The colors of marks, as the host's theme asks for. */
    this.theme = THEMES.light;
    /** Boxes of the patches most like the first center, while their list is open. */
    this.alike = false;
    /** Whether a click adds a patch, as with Shift. */
    this.adding = false;
    /** @type {() => void} called before another layer is drawn. */
    this.onLayer = () => {};
    this.pending = new Set();
    this.frame = 0;
    this.ended = false;
  }

  update(partial, { quiet = false } = {}) {
    const before = this.state;
    this.state = resolve(this.doc, { ...before, ...partial });
    if (partial.pins || partial.layer || partial.subject) this.lit = null;
    if (before.layer !== this.state.layer) this.onLayer();
    this.later("all");
    if (!quiet) this.told(structuredClone(this.state));
  }

  /** Draw parts ("all", "base", "over", "strip", "panel", "words") in the next frame. */
  later(...parts) {
    for (const part of parts) this.pending.add(part);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.flush());
  }

  /** Draw at once what waits. */
  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.ended || !this.pending.size) return;
    const parts = this.pending;
    this.pending = new Set();
    this.draw(parts);
  }

  /** Point at a place of a grid, or at nothing. */
  point(grid, at, { byKeys = false } = {}) {
    if (at) {
      const node = nodeUnder(grid, ...at);
      const before = this.hovered ? nodeUnder(grid, ...this.hovered) : -1;
      if (!byKeys && !this.byKeys && node === before) return;
      this.hovered = node < 0 ? null : spotOf(boxOf(grid, node));
    } else this.hovered = null;
    this.byKeys = byKeys;
    this.lit = null;
    this.later("over", "panel");
  }

  /** Zoom by a factor, keeping the place `held` (a fraction of what is shown) where it is. */
  zoomBy(factor, held = [0.5, 0.5]) {
    const { zoom, at } = this.state;
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    const clip = (value) => Math.min(1 - 0.5 / next, Math.max(0.5 / next, value));
    const move = (value, i) => clip(value + (held[i] - 0.5) * (1 / zoom - 1 / next));
    this.update({ zoom: next, at: at.map(move) });
  }

  light(pane, edge) {
    this.lit = edge ? [pane, edge] : null;
    this.later("over");
  }

  /** Keep a patch, or with `add` one more; what is kept already is let go. */
  pin(grid, at, add) {
    if (!at) return;
    const { pins } = this.state;
    const node = nodeAt(grid, ...at);
    const same = (other) => nodeAt(grid, ...other) === node;
    const had = pins.some(same);
    if (add) this.update({ pins: had ? pins.filter((each) => !same(each)) : [...pins, at].slice(-MOST_PINS) });
    else this.update({ pins: had && pins.length === 1 ? [] : [at] });
  }

  letGo() {
    this.hovered = this.lit = null;
    this.byKeys = false;
    this.update({ pins: [] });
  }

  end() {
    this.ended = true;
    cancelAnimationFrame(this.frame);
  }
}
