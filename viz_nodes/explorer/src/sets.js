// Hyperedges: the groups of nodes that a patch hears, as the sets they are.

import { boxOf } from "./geometry.js";

/** Sets drawn at once: more could not be told apart. */
export const MOST_SETS = 4;
/** Of the outlines, in order, in units, so that they are told apart without colors too. */
export const DASHES = [null, [7, 3.5], [2.2, 2.2], [8, 3, 2.2, 3]];
const FAINT = 0.1;
const FULL = 0.5;
/** How far the outline of each further set lies inside of its patches, as a part of a patch. */
const INSET = 0.09;

/**
 * The hyperedges that a node hears, the one it hears most first, heads counted together.
 *
 * @returns {{ group: number, share: number, members: { node: number, part: number }[] }[]}
 */
export function setsOf(layer, node) {
  if (!layer.heard) return [];
  const nodes = layer.grid[0] * layer.grid[1];
  const count = layer.heard.length / nodes;
  const shares = new Map();
  for (let place = node * count; place < (node + 1) * count; place++) {
    const group = layer.heard[place];
    if (group >= 0) shares.set(group, (shares.get(group) ?? 0) + (layer.heard_share[place] || 0));
  }
  return [...shares]
    .sort(([a, first], [b, second]) => second - first || a - b)
    .map(([group, share]) => {
      const parts = layer.groups.subarray(group * nodes, (group + 1) * nodes);
      const members = [...parts.keys()]
        .filter((each) => parts[each] > 0)
        .map((each) => ({ node: each, part: parts[each] }));
      return { group, share, members };
    });
}

/** Marks of the first sets of a view: patches filled by how much of the set they make, and an outline around all. */
export function setMarks({ layer, sets, theme }) {
  const shown = sets.slice(0, MOST_SETS);
  return shown.flatMap(({ members }, at) => {
    const top = Math.max(...members.map(({ part }) => part));
    const color = theme.centers[at];
    const fills = members.map(({ node, part }) => ({
      kind: "fill",
      box: boxOf(layer.grid, node),
      color,
      alpha: FAINT + ((FULL - FAINT) * part) / top,
    }));
    const nodes = members.map(({ node }) => node);
    const loops = layer.grid.regions
      ? nodes.flatMap((node) => boxOf(layer.grid, node).loops)
      : loopsAround(layer.grid, nodes, (at + 0.6) * INSET);
    return [...fills, { kind: "outline", loops, color, casing: theme.casing, width: 1.9, dash: DASHES[at] }];
  });
}

/**
 * Closed lines around the patches of some nodes together, a part `inset` of a patch inside of them, as flat lists of x,
 * y in fractions. They are walked with the inside on the right.
 */
export function loopsAround([rows, cols], nodes, inset = 0) {
  const inside = new Set(nodes);
  const has = (row, col) => row >= 0 && row < rows && col >= 0 && col < cols && inside.has(row * cols + col);
  const sides = new Map();
  const add = (from, to) => sides.set(from.join(), [...(sides.get(from.join()) ?? []), to]);
  for (const node of inside) {
    const [row, col] = [Math.floor(node / cols), node % cols];
    if (!has(row - 1, col)) add([col, row], [col + 1, row]);
    if (!has(row, col + 1)) add([col + 1, row], [col + 1, row + 1]);
    if (!has(row + 1, col)) add([col + 1, row + 1], [col, row + 1]);
    if (!has(row, col - 1)) add([col, row + 1], [col, row]);
  }
  const loops = [];
  for (const [start] of sides) {
    while (sides.get(start)?.length) loops.push(walked(sides, start.split(",").map(Number)));
  }
  return loops.map((loop) => movedInside(loop, inset).flatMap(([x, y]) => [x / cols, y / rows]));
}

/** One closed line from a corner, the sides that it takes used up; where patches touch at a corner it turns right. */
function walked(sides, start) {
  const loop = [start];
  let heading = [0, 0];
  for (;;) {
    const at = loop[loop.length - 1];
    const ways = sides.get(at.join());
    const turn = ([x, y]) => heading[0] * (y - at[1]) - heading[1] * (x - at[0]);
    ways.sort((a, b) => turn(b) - turn(a));
    const next = ways.shift();
    heading = [next[0] - at[0], next[1] - at[1]];
    if (next.join() === start.join()) return loop;
    loop.push(next);
  }
}

/** A line of unit steps, walked with the inside on its right, moved inside at its corners. */
function movedInside(loop, inset) {
  const step = (i) => {
    const [a, b] = [loop[i % loop.length], loop[(i + 1) % loop.length]];
    return [b[0] - a[0], b[1] - a[1]];
  };
  const corners = [];
  loop.forEach(([x, y], i) => {
    const [before, after] = [step(i + loop.length - 1), step(i)];
    if (before.join() === after.join()) return;
    corners.push([x - inset * (before[1] + after[1]), y + inset * (before[0] + after[0])]);
  });
  return corners;
}
