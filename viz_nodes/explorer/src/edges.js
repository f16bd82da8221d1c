// Which edges a patch has, over one to three hops.

import { boxOf, centerOf, coveredBy, nodeAt } from "./geometry.js";
import { known } from "./words.js";

/** For each key node the places `center * k + rank` that name it, as one list with the starts of its parts. */
export function listenersOf(layer) {
  if (layer.listeners) return layer.listeners;
  const keys = layer.key_grid[0] * layer.key_grid[1];
  const starts = new Int32Array(keys + 1);
  for (const key of layer.neighbors) if (key >= 0) starts[key + 1]++;
  for (let i = 0; i < keys; i++) starts[i + 1] += starts[i];
  const places = new Int32Array(starts[keys]),
    filled = starts.slice();
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

/** One edge as the explorer hands it out; it points from the neighbor, a key node, to the center that asked it. */
function edgeAt(layer, asked, place) {
  const from = layer.neighbors[place],
    to = Math.floor(place / layer.k);
  return {
    layer: layer.number,
    from,
    to,
    rank: place % layer.k,
    share: (asked.share ?? layer.share)[place],
    contribution: asked.contribution[place],
    distance: layer.distance ? layer.distance[place] : null,
    fromBox: boxOf(layer.key_grid, from),
    toBox: boxOf(layer.grid, to),
  };
}

/** The layer `step` further in the network, or undefined where the document does not hold it. */
export const beside = (subject, layer, step) =>
  [subject.layers[layer.place + step]].find((other) => other && other.number === layer.number + step);

/**
 * The edges of a patch, over one to three hops. Asking ("in") goes one graph layer earlier with each hop, listening
 * ("out") one later, each layer with its own edges. A box that covers several nodes of the next layer (pyramids) asks
 * as one: its edges to the same key node are joined, their share the mean over its nodes by area.
 */
export function edgesOf(subject, row, layer, node, { hops, k, share, out }) {
  const edges = [];
  const start = out
    ? boxOf(layer.key_grid, nodeAt(layer.key_grid, ...centerOf(boxOf(layer.grid, node))))
    : boxOf(layer.grid, node);
  let frontier = new Map([[start.join(), { box: start, weight: 1, nodes: out ? null : [[node, 1]] }]]);
  let at = layer;
  for (let hop = 1; hop <= hops && at && frontier.size; hop++) {
    const asked = row.layers[at.place];
    const next = new Map();
    for (const { box, weight, nodes } of frontier.values()) {
      const joined = new Map();
      const inside = nodes ?? (out ? [[nodeAt(at.key_grid, ...centerOf(box)), 1]] : coveredBy(at.grid, box));
      const limit = k === 0 ? at.k : Math.min(k, at.k);
      for (const [one, part] of inside) {
        if (out) {
          const { starts, places } = listenersOf(at);
          for (let i = starts[one]; i < starts[one + 1]; i++) {
            if (places[i] % at.k < limit) join(joined, edgeAt(at, asked, places[i]), "to", 1);
          }
        } else {
          for (let rank = 0; rank < limit; rank++) {
            if (at.neighbors[one * at.k + rank] >= 0) join(joined, edgeAt(at, asked, one * at.k + rank), "from", part);
          }
        }
      }
      for (const edge of joined.values()) {
        if (edge.share < share) continue;
        edge.hop = hop;
        edge.weight = weight * (known(edge.share) ? edge.share : 0);
        if (inside.length > 1 && !out) edge.toBox = box;
        [edge.x0, edge.y0] = centerOf(edge.fromBox);
        [edge.x1, edge.y1] = centerOf(edge.toBox);
        edge.itself = Math.hypot(edge.x0 - edge.x1, edge.y0 - edge.y1) < 1e-6;
        edges.push(edge);
        const reached = out ? edge.toBox : edge.fromBox;
        const key = reached.join();
        const earlier = next.get(key);
        if (earlier) earlier.weight += edge.weight;
        else next.set(key, { box: reached, weight: edge.weight, nodes: null });
      }
    }
    frontier = next;
    at = beside(subject, at, out ? 1 : -1);
  }
  return edges;
}

/** Add an edge, of which `part` counts, to the one that joins the same nodes. */
function join(joined, edge, by, part) {
  const earlier = joined.get(edge[by]);
  if (earlier) {
    earlier.share += edge.share * part;
    earlier.contribution += edge.contribution;
    earlier.rank = Math.min(earlier.rank, edge.rank);
    earlier.joins += 1;
  } else {
    joined.set(edge[by], { ...edge, share: edge.share * part, joins: 1 });
  }
}
