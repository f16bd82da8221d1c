// A layer as a whole: its hubs, and how long and how mutual its edges are.

import { boxOf, centerOf, distanceOn, spotOf } from "./geometry.js";
import { chosenBy } from "./heatmap.js";
import { placeWords } from "./sentences.js";
import { PatchList } from "./thumbs.js";
import { count, number, percent } from "./words.js";

const MOST_HUBS = 12;
/** Edges up to this long, in patches, lead to one of the eight patches around. */
const ADJACENT = 1.5;

/**
 * What a layer's edges are like, edges to itself left out.
 *
 * @returns {{ edges: number, median: number, adjacent: number, mutual: number | null, unchosen: number }} `median`
 *   length in patches; `adjacent` and `mutual` as parts of the edges, `mutual` null where keys are pooled; `unchosen`
 *   key nodes from which no patch aggregates.
 */
export function layerFacts(layer) {
  const pooled = layer.grid.join() !== layer.key_grid.join();
  const [rows, cols] = layer.grid;
  const lengths = [];
  const pairs = new Set();
  layer.neighbors.forEach((key, place) => {
    const node = Math.floor(place / layer.k);
    if (key < 0 || (!pooled && key === node)) return;
    const [x0, y0] = centerOf(boxOf(layer.key_grid, key));
    const [x1, y1] = centerOf(boxOf(layer.grid, node));
    lengths.push(distanceOn(layer.grid, x0, y0, x1, y1));
    pairs.add(key * rows * cols + node);
  });
  lengths.sort((a, b) => a - b);
  const back = [...pairs].filter((pair) =>
    pairs.has((pair % (rows * cols)) * rows * cols + Math.floor(pair / (rows * cols))),
  );
  const part = (n) => (lengths.length ? n / lengths.length : 0);
  return {
    edges: lengths.length,
    median: lengths.length ? lengths[Math.floor(lengths.length / 2)] : 0,
    adjacent: part(lengths.filter((length) => length < ADJACENT).length),
    mutual: pooled ? null : part(back.length),
    unchosen: chosenBy(layer).filter((times) => times === 0).length,
  };
}

/** The key nodes that most patches aggregate from, most first. */
export function hubsOf(layer) {
  const times = chosenBy(layer);
  return [...times.keys()]
    .sort((a, b) => times[b] - times[a] || a - b)
    .slice(0, MOST_HUBS)
    .map((key) => ({ key, times: times[key] }));
}

/** What is known of whether nodes lie where they are drawn. */
export function placedSentences({ placed, note }) {
  const said = {
    true: "That its nodes lie where they are drawn is proven.",
    false: "Its nodes do not lie where they are drawn, so it is shown without the photograph.",
    null: "Whether its nodes lie where they are drawn was not proven.",
  };
  return [said[String(placed ?? null)], note ? `${note[0].toUpperCase()}${note.slice(1)}.` : ""].filter(Boolean);
}

export class Hubs {
  constructor(context) {
    const { h, store, make, headings } = context;
    this.store = store;
    const title = "Paint on the picture how many patches aggregate from each, in place of the class's map";
    this.paint = make.toggle("paint how often each patch is chosen", title, (on) =>
      store.update({ field: on ? "chosen" : "cam" }),
    );
    this.words = h("p", { class: "vge-note" });
    this.name = h(headings[1], { textContent: "Hubs" });
    const over = (box) => {
      store.hovered = box ? spotOf(box) : null;
      store.later("over");
    };
    const go = (box) => store.update({ pins: [spotOf(box)], out: true });
    this.list = new PatchList(context, { over, go, deed: "Show who aggregates from this patch" });
    this.wrap = h("div", { class: "vge-side" }, this.words, this.paint.wrap, this.name, this.list.wrap);
    this.factsOf = null;
  }

  draw(view) {
    const { layer } = view;
    this.paint.field.checked = this.store.state.field === "chosen";
    if (this.factsOf !== layer) {
      this.factsOf = layer;
      this.facts = layerFacts(layer);
      this.hubs = hubsOf(layer);
    }
    const { edges, median, adjacent, mutual, unchosen } = this.facts;
    const nodes = layer.grid[0] * layer.grid[1];
    const regions = Boolean(layer.grid.regions);
    const parts = [
      `${count(edges, "edge")} between ${regions ? `${nodes} regions` : `${layer.grid.join(" \u00d7 ")} patches`}`,
      `half of them longer than ${number(median)} ${regions ? "usual distances of two" : "patches"}`,
      regions ? "" : `${percent(adjacent)} to an adjacent patch`,
      mutual === null ? "" : `${percent(mutual)} of them mutual`,
      `no ${regions ? "region" : "patch"} aggregates from ${unchosen} of ${layer.key_grid[0] * layer.key_grid[1]}`,
    ];
    const sentences = [`Layer ${layer.number}: ${parts.filter(Boolean).join(", ")}.`, ...placedSentences(layer)];
    this.words.textContent = sentences.join(" ");
    this.list.draw(
      view,
      this.hubs.map(({ key, times }) => {
        const box = boxOf(layer.key_grid, key);
        return {
          box,
          words: placeWords(box, layer.key_grid),
          value: `${times} of ${nodes}`,
          part: times / Math.max(1, this.hubs[0].times),
        };
      }),
    );
  }
}
