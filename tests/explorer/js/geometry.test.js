import assert from "node:assert/strict";
import { test } from "node:test";
import { controlOf, fan } from "../../../viz_nodes/explorer/src/curves.js";
import { boxOf, coveredBy, nodeAt } from "../../../viz_nodes/explorer/src/geometry.js";

test("places on a grid", () => {
  assert.deepEqual(boxOf([2, 4], 5), [0.25, 0.5, 0.5, 1]);
  assert.equal(nodeAt([2, 4], 0.3, 0.7), 5);
  const nodes = [
    [0, 0],
    [1, 1],
    [-1, 2],
    [0.5, 0.5],
  ].map(([x, y]) => nodeAt([2, 4], x, y));
  assert.deepEqual(nodes, [0, 7, 4, 6]);
});

test("areas that a box covers", () => {
  const quarter = boxOf([2, 2], 0);
  assert.deepEqual(coveredBy([4, 4], quarter), [
    [0, 0.25],
    [1, 0.25],
    [4, 0.25],
    [5, 0.25],
  ]);
  assert.deepEqual(coveredBy([2, 2], boxOf([4, 4], 5)), [[0, 1]]);
  const covered = coveredBy([1, 2], boxOf([1, 3], 1));
  assert.deepEqual(
    covered.map(([node]) => node),
    [0, 1],
  );
  for (const [, part] of covered) assert.ok(Math.abs(part - 0.5) < 1e-9);
});

test("edges that meet arrive from different directions", () => {
  const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
  const [x, y] = controlOf(0, 0, 1, 0, 0.2);
  near(x, 0.5);
  near(y, 0.2);
  const edges = Array.from({ length: 8 }, (_, i) => ({ x0: 0.1 * i, y0: 0.2, x1: 0.5, y1: 0.8, from: i }));
  fan(edges);
  const arrivals = edges.map((edge) => edge.arrival).sort((a, b) => a - b);
  const gaps = arrivals.slice(1).map((angle, i) => angle - arrivals[i]);
  assert.ok(Math.min(...gaps) > 0.1, "radians");
});
