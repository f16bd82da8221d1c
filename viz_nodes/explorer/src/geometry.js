// Places are fractions of what the network saw: (0, 0) its top left corner, (1, 1) its bottom right one. A grid is
// [rows, columns]; where nodes are no grid it is [1, nodes] and has the `regions` they lie in.

import { holds } from "./regions.js";

export const boxOf = (grid, node) => {
  if (grid.regions) return grid.regions.boxes[node];
  const [rows, cols] = grid;
  const row = Math.floor(node / cols),
    col = node % cols;
  return [col / cols, row / rows, (col + 1) / cols, (row + 1) / rows];
};
export const centerOf = (box) => box.middle ?? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
/** A place that names a node: in its region, and in none that lies over it. */
export const spotOf = (box) => box.spot ?? centerOf(box);
/** What people call a node of a grid. */
export const nounOf = (grid) => (grid.regions ? "region" : "patch");
/** What tells a box from others. */
export const keyOf = (box) => (box.node === undefined ? box.join() : `${box.node}:${box.join()}`);
export const sameBox = (a, b) => a.node === b.node && a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
/** Whether two grids have the same nodes at the same places. */
export const sameGrid = (a, b) => a.join() === b.join() && a.regions?.key === b.regions?.key;

/** The node at a place; where nobody's region is, the nearest. */
export const nodeAt = (grid, x, y) => {
  if (grid.regions) return grid.regions.nearest(x, y);
  const [rows, cols] = grid;
  const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value + 1e-6)));
  return clip(y * rows, rows) * cols + clip(x * cols, cols);
};
/** The node under a pointer; -1 where nobody's region is. */
export const nodeUnder = (grid, x, y) => (grid.regions ? grid.regions.at(x, y) : nodeAt(grid, x, y));

/** The node that a step down and across leads to. */
export function stepFrom(grid, node, [down, across]) {
  if (grid.regions) return grid.regions.beside(node, down, across);
  const [rows, cols] = grid;
  const clip = (value, top) => Math.min(top - 1, Math.max(0, value));
  return clip(Math.floor(node / cols) + down, rows) * cols + clip((node % cols) + across, cols);
}

/** Nodes of a grid that a box covers, as [node, the fraction of the box that the node takes]. */
export function coveredBy(grid, box) {
  if (grid.regions || box.loops) return coveredRegions(grid, box);
  const [rows, cols] = grid;
  const along = (low, high, n) => {
    const parts = [];
    for (let i = Math.max(0, Math.floor(low * n + 1e-6)); i < Math.min(n, Math.ceil(high * n - 1e-6)); i++) {
      parts.push([i, (Math.min(high, (i + 1) / n) - Math.max(low, i / n)) / (high - low)]);
    }
    return parts;
  };
  const across = along(box[0], box[2], cols);
  return along(box[1], box[3], rows).flatMap(([r, down]) => across.map(([c, part]) => [r * cols + c, down * part]));
}

/** The same region, or the nodes whose middles lie in a box or region, in equal parts; the nearest where none does. */
function coveredRegions(grid, box) {
  const same = box.node !== undefined && grid.regions?.boxes[box.node];
  if (same && sameBox(same, box)) return [[box.node, 1]];
  const inside = ([x, y]) => (box.loops ? holds(box, x, y) : x >= box[0] && x < box[2] && y >= box[1] && y < box[3]);
  const nodes = Array.from({ length: grid[0] * grid[1] }, (_, node) => node);
  const covered = nodes.filter((node) => inside(centerOf(boxOf(grid, node))));
  const found = covered.length ? covered : [nodeAt(grid, ...centerOf(box))];
  return found.map((node) => [node, 1 / found.length]);
}

/** How far two places of a layer lie from one another, in patches; of regions, in usual distances of two. */
export function distanceOn(grid, x0, y0, x1, y1) {
  const { regions } = grid;
  if (regions) return Math.hypot((x0 - x1) * regions.size[1], (y0 - y1) * regions.size[0]) / regions.pitch;
  return Math.hypot((x0 - x1) * grid[1], (y0 - y1) * grid[0]);
}
