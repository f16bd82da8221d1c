// The patches most like a patch that it does not aggregate from: the candidates that were not chosen.

import { boxOf, spotOf } from "./geometry.js";
import { placeWords } from "./sentences.js";
import { PatchList } from "./thumbs.js";
import { count, known, number } from "./words.js";

const UNKNOWN = "How this layer ranks its candidates is not known, or this file was written without them.";

/**
 * The candidates of a node that were not chosen, nearest first.
 *
 * @returns {{ key: number, distance: number, box: number[], nearer: boolean }[]} `nearer`: than the last neighbor, so
 *   that dilation left it out.
 */
export function candidatesOf(layer, node) {
  if (!layer.candidates) return [];
  const each = layer.candidates.length / (layer.grid[0] * layer.grid[1]);
  const last = Math.max(...layer.distance.subarray(node * layer.k, (node + 1) * layer.k));
  return Array.from({ length: each }, (_, i) => node * each + i)
    .filter((place) => layer.candidates[place] >= 0)
    .map((place) => {
      const [key, distance] = [layer.candidates[place], layer.candidate_distance[place]];
      return { key, distance, box: boxOf(layer.key_grid, key), nearer: distance < last };
    });
}

export class Alike {
  constructor(context) {
    const { h, store } = context;
    this.store = store;
    this.words = h("p", { class: "vge-note" });
    const over = (box) => {
      store.hovered = box ? spotOf(box) : null;
      store.later("over");
    };
    const go = (box) => store.update({ pins: [spotOf(box)] });
    this.list = new PatchList(context, { over, go, deed: "Go to this patch" });
    this.wrap = h("div", { class: "vge-side" }, this.words, this.list.wrap);
  }

  draw(view) {
    const [active] = view.actives;
    const entries = active ? candidatesOf(view.layer, active.node) : [];
    if (!active) this.words.textContent = "Point at a patch.";
    else if (!entries.length) this.words.textContent = UNKNOWN;
    else {
      const { distance, k } = view.layer;
      const last = Math.max(...distance.subarray(active.node * k, (active.node + 1) * k));
      const nearer = entries.filter((entry) => entry.nearer).length;
      const left = nearer ? ` ${count(nearer, "nearer one was", "nearer ones were")} left out by dilation.` : "";
      const where = placeWords(boxOf(view.layer.grid, active.node), view.layer.grid);
      this.words.textContent = `Most like ${where}, and not among its neighbors. Its last neighbor is ${number(last)} away.${left}`;
    }
    const top = Math.max(1e-12, ...entries.map((entry) => (known(entry.distance) ? entry.distance : 0)));
    this.list.draw(
      view,
      entries.map(({ box, distance, nearer }) => ({
        box,
        words: placeWords(box, view.layer.key_grid) + (nearer ? ", left out by dilation" : ""),
        value: number(distance),
        part: distance / top,
      })),
    );
  }
}
