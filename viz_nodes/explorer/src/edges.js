// Which edges a patch has, over one to three hops.

import { boxOf, centerOf, coveredBy, keyOf, nodeAt, sameBox } from "./geometry.js";
import { turnOf } from "./quantities.js";
import { known } from "./words.js";

/** For each key node the places `center * k + rank` that name it, as one list with the starts of its parts. */
export function listenersOf(layer) {
  if (layer.listeners) return layer.listeners;
  const keys = layer.key_grid[0] * layer.key_grid[1];
  const starts = new Int32Array(keys + 1);
  for (const key of layer.neighbors) if (key >= 0) starts[key + 1]++;
  for (let i = 0; i < keys; i++) starts[i + 1] += starts[i];
  const places = new Int32Array(starts[keys]);
  const filled = starts.slice();
  layer.neighbors.forEach((key, place) => {
    if (key >= 0) places[filled[key]++] = place;
  });
  layer.listeners = { starts, places };
  return layer.listeners;
}

/** How many neighbors a node has: k, or fewer in a ragged graph. */
export function degree(layer, node) {
  let there = 0;
  for (let place = node * layer.k; place < (node + 1) * layer.k; place++) if (layer.neighbors[place] >= 0) there++;
  return there;
}

/** A neighbor's rank for people, from 1 for the nearest; a node as its own neighbor is not counted and has 0. */
export function rankForPeople(layer, place) {
  const rank = place % layer.k;
  const node = (place - rank) / layer.k;
  if (layer.grid.join() !== layer.key_grid.join()) return rank + 1;
  if (layer.neighbors[place] === node) return 0;
  const itself = layer.neighbors.subarray(node * layer.k, place).indexOf(node) >= 0;
  return rank + (itself ? 0 : 1);
}

/**
 * One edge as the explorer hands it out; it points from the neighbor, a key node, to the center it sends to. `turn` is
 * its place among its center's edges by what they are ordered by.
 */
function edgeAt(layer, asked, place, order) {
  const from = layer.neighbors[place];
  const to = Math.floor(place / layer.k);
  return {
    layer: layer.number,
    from,
    to,
    rank: place % layer.k,
    turn: order ? turnOf(order, layer.neighbors, layer.k, place) : place % layer.k,
    nth: rankForPeople(layer, place),
    ranked: layer.ranked !== false,
    share: (asked.share ?? layer.share)[place],
    contribution: asked.contribution[place],
    effect: asked.effect ? asked.effect[place] : null,
    distance: layer.distance ? layer.distance[place] : null,
    fromBox: boxOf(layer.key_grid, from),
    toBox: boxOf(layer.grid, to),
  };
}

/** The layer `step` further in the network, or undefined where the document does not hold it. */
export const beside = (subject, layer, step) =>
  [subject.layers[layer.place + step]].find((other) => other && other.number === layer.number + step);

/**
 * The edges of a patch, over one to three hops. Its neighbors ("in") go one graph layer earlier with each hop, those
 * that aggregate from it ("out") one later, each layer with its own edges. A box that covers several nodes of the next
 * layer (pyramids) counts as one: its edges to the same key node are joined, their share the mean over its nodes by area.
 *
 * The first hop keeps a center's first `k` (0 for all) by `order` with a share of at least `share`. Of each further hop the `far`
 * heaviest are kept, by the product of shares, of those that lead to what is drawn already (0 for all of them).
 *
 * @returns {{ edges: any[], hops: { layer: number, drawn: number, total: number, carried: number }[] }}
 */
export function edgesOf(subject, row, layer, node, { hops, k, share, out, order = "rank", far = 0 }) {
  const start = out ? keyBox(layer, boxOf(layer.grid, node)) : boxOf(layer.grid, node);
  let frontier = new Map([[keyOf(start), { box: start, weight: 1, nodes: out ? null : [[node, 1]], drawn: true }]]);
  const edges = [];
  const counts = [];
  let at = layer;
  for (let hop = 1; hop <= hops && at && frontier.size; hop++) {
    const asked = row.layers[at.place];
    const values =
      k === 0 || hop > 1 || order === "rank" ? null : order === "share" ? (asked.share ?? at.share) : asked[order];
    const all = hopOf(asked, at, frontier, hop, out, values);
    const kept = all.filter((edge) => edge.leads && (hop > 1 || isFirst(edge, k, share)));
    if (hop > 1) kept.sort((a, b) => b.weight - a.weight || a.rank - b.rank || a.from - b.from || a.to - b.to);
    const drawn = new Set(hop > 1 && far ? kept.slice(0, far) : kept);
    edges.push(...drawn);
    const carried = [...drawn].reduce((sum, edge) => sum + edge.weight, 0);
    counts.push({ layer: at.number, drawn: drawn.size, total: all.length, carried });
    frontier = reachedBy(all, drawn, out);
    at = beside(subject, at, out ? 1 : -1);
  }
  return { edges, hops: counts };
}

const keyBox = (layer, box) => (box.node === undefined ? keyBelow(layer, box) : box);
const keyBelow = (layer, box) => boxOf(layer.key_grid, nodeAt(layer.key_grid, ...centerOf(box)));
/** The key node of a layer that a box stands for. */
const keyNode = ({ key_grid: grid }, box) => {
  const same = box.node !== undefined && grid.regions?.boxes[box.node];
  return same && sameBox(same, box) ? box.node : nodeAt(grid, ...centerOf(box));
};
const isFirst = (edge, k, share) => (k === 0 || edge.turn < k) && !(edge.share < share);

/** All edges of one hop: those of the boxes of `frontier`. */
function hopOf(asked, layer, frontier, hop, out, order) {
  const edges = [];
  for (const { box, weight, nodes, drawn } of frontier.values()) {
    const inside = nodes ?? (out ? [[keyNode(layer, box), 1]] : coveredBy(layer.grid, box));
    const joined = new Map();
    for (const [one, part] of inside) {
      for (const place of placesOf(layer, one, out))
        join(joined, edgeAt(layer, asked, place, order), out ? "to" : "from", out ? 1 : part);
    }
    for (const edge of joined.values()) {
      edge.hop = hop;
      edge.leads = drawn;
      edge.weight = weight * (known(edge.share) ? edge.share : 0);
      if (inside.length > 1 && !out) edge.toBox = box;
      [edge.x0, edge.y0] = centerOf(edge.fromBox);
      [edge.x1, edge.y1] = centerOf(edge.toBox);
      const regions = edge.fromBox.node !== undefined;
      edge.itself = regions ? edge.from === edge.to : Math.hypot(edge.x0 - edge.x1, edge.y0 - edge.y1) < 1e-6;
      edges.push(edge);
    }
  }
  return edges;
}

/** Places of the edges of a node, or with `out` of those that start at a key node. */
function placesOf(layer, node, out) {
  if (out) {
    const { starts, places } = listenersOf(layer);
    return places.subarray(starts[node], starts[node + 1]);
  }
  return Array.from({ length: layer.k }, (_, rank) => node * layer.k + rank).filter(
    (place) => layer.neighbors[place] >= 0,
  );
}

/** The boxes that edges lead to, with the weight that arrives there. */
function reachedBy(edges, drawn, out) {
  const next = new Map();
  for (const edge of edges) {
    const box = out ? edge.toBox : edge.fromBox;
    const key = keyOf(box);
    const earlier = next.get(key) ?? { box, weight: 0, nodes: null, drawn: false };
    earlier.weight += edge.weight;
    earlier.drawn ||= drawn.has(edge);
    next.set(key, earlier);
  }
  return next;
}

/** Add an edge, of which `part` counts, to the one that joins the same nodes. */
function join(joined, edge, by, part) {
  const earlier = joined.get(edge[by]);
  if (earlier) {
    earlier.share += edge.share * part;
    earlier.contribution += edge.contribution;
    earlier.effect = null;
    earlier.rank = Math.min(earlier.rank, edge.rank);
    earlier.turn = Math.min(earlier.turn, edge.turn);
    earlier.nth = Math.min(earlier.nth, edge.nth);
    earlier.joins += 1;
  } else {
    joined.set(edge[by], { ...edge, share: edge.share * part, joins: 1 });
  }
}
