import assert from "node:assert/strict";
import { test } from "node:test";
import {
  boxOf,
  centerOf,
  coveredBy,
  distanceOn,
  nodeAt,
  nodeUnder,
  sameGrid,
  spotOf,
  stepFrom,
} from "../../../viz_nodes/explorer/src/geometry.js";
import { Regions } from "../../../viz_nodes/explorer/src/regions.js";

/** Left half with a hole in it, and the hole; the right half is nobody's. */
const arrays = {
  key: "a",
  size: [100, 200],
  pitch: 20,
  corners: Float32Array.from(
    [
      [0, 0, 0.5, 0, 0.5, 1, 0, 1],
      [0.1, 0.4, 0.1, 0.6, 0.3, 0.6, 0.3, 0.4],
      [0.1, 0.4, 0.3, 0.4, 0.3, 0.6, 0.1, 0.6],
    ].flat(),
  ),
  counts: [4, 4, 4],
  loops: [2, 1],
  middles: [0.25, 0.5, 0.2, 0.5],
  spots: [0.4, 0.5, 0.2, 0.5],
};
const grid = Object.assign([1, 2], { regions: new Regions(arrays) });

test("a region is where its outlines are, without its holes", () => {
  const under = [
    [0.05, 0.05],
    [0.2, 0.5],
    [0.4, 0.5],
    [0.75, 0.5],
  ].map(([x, y]) => nodeUnder(grid, x, y));
  assert.deepEqual(under, [0, 1, 0, -1]);
  assert.equal(nodeAt(grid, 0.75, 0.5), 0, "nobody's places are the nearest node's");
  const [x, y] = spotOf(boxOf(grid, 0));
  assert.equal(nodeUnder(grid, x, y), 0);
});

test("boxes of regions hold where edges end, and what marks fit in", () => {
  const box = boxOf(grid, 1);
  [0.1, 0.4, 0.3, 0.6].forEach((value, i) => {
    assert.ok(Math.abs(box[i] - value) < 1e-6);
  });
  assert.deepEqual(centerOf(box), [0.2, 0.5]);
  assert.deepEqual(box.cell, [0.1, 0.2]);
});

test("regions of the next layer, the same ones and those of a grid", () => {
  assert.deepEqual(coveredBy(grid, boxOf(grid, 1)), [[1, 1]]);
  assert.deepEqual(coveredBy(grid, [0, 0, 0.5, 1]).length, 2);
  assert.deepEqual(coveredBy([2, 2], boxOf(grid, 0)), [
    [0, 0.5],
    [2, 0.5],
  ]);
  assert.deepEqual(coveredBy([1, 2], boxOf(grid, 1)), [[0, 1]], "the nearest where none has its middle there");
});

test("steps, distances and sameness", () => {
  assert.equal(stepFrom(grid, 0, [0, -1]), 1);
  assert.equal(stepFrom(grid, 1, [0, 1]), 0);
  assert.equal(stepFrom(grid, 1, [-1, 0]), 1);
  assert.equal(stepFrom([2, 3], 4, [-1, 1]), 2);
  assert.equal(distanceOn(grid, 0, 0, 0.1, 0), 1);
  assert.equal(distanceOn([2, 4], 0, 0, 0.25, 0), 1);
  const other = Object.assign([1, 2], { regions: new Regions({ ...arrays, key: "b" }) });
  assert.ok(sameGrid(grid, grid) && !sameGrid(grid, other) && !sameGrid(grid, [1, 2]));
});
