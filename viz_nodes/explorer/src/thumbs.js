// A patch of the photograph, small.

import { keyOf } from "./geometry.js";

const SIDE = 72;

export function drawThumb(canvas, pictures, view, box) {
  // Of nodes that do not lie where they are drawn, no part of the photograph is theirs.
  canvas.hidden = view.layer.placed === false;
  if (canvas.hidden) return;
  const photograph = pictures.of(view);
  const key = `${view.subject.image} ${keyOf(box)}`;
  if (canvas.dataset.key === key && photograph.complete) return;
  canvas.dataset.key = photograph.complete ? key : "";
  if (canvas.width !== SIDE) canvas.width = canvas.height = SIDE;
  if (!photograph.complete || !photograph.naturalWidth) return;
  const [left, top, right, bottom] = view.image.view;
  const [wide, high] = [right - left, bottom - top];
  const part = [left + box[0] * wide, top + box[1] * high, (box[2] - box[0]) * wide, (box[3] - box[1]) * high];
  canvas.getContext("2d").drawImage(photograph, ...part, 0, 0, SIDE, SIDE);
}

/** A list whose lines are a small patch, words and a bar each; lines are made once and filled again. */
export class PatchList {
  /**
   * @param {any} context
   * @param {{ over: (box: number[] | null) => void, go: (box: number[]) => void, deed: string }} deeds `deed` says
   *   what a click does.
   */
  constructor({ h, pictures }, { over, go, deed }) {
    this.h = h;
    this.pictures = pictures;
    this.deeds = { over, go, deed };
    this.wrap = h("ol", { class: "vge-patches" });
    this.lines = [];
  }

  /** @param {any} view @param {{ box: number[], words: string, value: string, part: number }[]} entries */
  draw(view, entries) {
    while (this.lines.length < entries.length) this.add();
    this.lines.forEach((line, i) => {
      const entry = entries[i];
      line.wrap.hidden = !entry;
      line.box = entry?.box ?? null;
      if (!entry) return;
      line.words.textContent = entry.words;
      line.value.textContent = entry.value;
      line.bar.style.width = `${100 * entry.part}%`;
      line.go.setAttribute("aria-label", `${this.deeds.deed}: ${entry.words}`);
      drawThumb(line.thumb, this.pictures, view, entry.box);
    });
  }

  add() {
    const { h, deeds } = this;
    const line = { box: null };
    const over = () => deeds.over(line.box);
    const out = () => deeds.over(null);
    const parts = {
      thumb: h("canvas", { class: "vge-thumb", "aria-hidden": "true" }),
      words: h("span"),
      value: h("span", { class: "vge-patch-value" }),
      bar: h("i"),
    };
    const click = () => line.box && deeds.go(line.box);
    const go = h(
      "button",
      { type: "button", class: "vge-go", title: deeds.deed, on: { click, focus: over, blur: out } },
      parts.thumb,
    );
    const words = h("div", { class: "vge-patch-words" }, parts.words, h("span", { class: "vge-meter" }, parts.bar));
    const wrap = h("li", { on: { pointerenter: over, pointerleave: out } }, go, words, parts.value);
    this.wrap.append(wrap);
    this.lines.push(Object.assign(line, parts, { go, wrap }));
  }
}
