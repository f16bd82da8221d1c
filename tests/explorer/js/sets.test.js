import assert from "node:assert/strict";
import { test } from "node:test";
import { loopsAround, MOST_SETS, setMarks, setsOf } from "../../../viz_nodes/explorer/src/sets.js";

const theme = { centers: ["a", "b", "c", "d"], casing: "w" };
/** Six nodes of 2 x 3, three groups; node 0 hears group 1 by two heads, and group 0. */
const layer = {
  grid: [2, 3],
  groups: Float32Array.from(
    [[0.25, 0.75, NaN, NaN, NaN, NaN], [NaN, 0, 0.5, NaN, NaN, 0.5], Array(6).fill(NaN)].flat(),
  ),
  heard: Int16Array.from([1, 0, 1, ...Array(15).fill(-1)]),
  heard_share: Float32Array.from([0.2, 0.5, 0.3001, ...Array(15).fill(0)]),
};
const area = (loop) => {
  let sum = 0;
  for (let i = 0; i < loop.length; i += 2) {
    const j = (i + 2) % loop.length;
    sum += loop[i] * loop[j + 1] - loop[j] * loop[i + 1];
  }
  return sum / 2;
};

test("the hyperedges of a node, the one it hears most first, heads together", () => {
  const sets = setsOf(layer, 0);
  assert.deepEqual(
    sets.map(({ group, members }) => [group, members.map(({ node }) => node)]),
    [
      [1, [2, 5]],
      [0, [0, 1]],
    ],
  );
  assert.ok(Math.abs(sets[0].share - 0.5001) < 1e-6);
  assert.deepEqual(setsOf(layer, 3), []);
  assert.deepEqual(setsOf({ grid: [2, 3] }, 0), []);
});

test("a line goes around patches together, holes the other way", () => {
  const [one] = loopsAround([2, 3], [2, 5]);
  assert.equal(one.length, 8);
  assert.ok(Math.abs(area(one) - 1 / 3) < 1e-9);
  const ring = loopsAround([3, 3], [0, 1, 2, 3, 5, 6, 7, 8]);
  assert.deepEqual(ring.map((loop) => Math.round(9 * area(loop))).sort(), [-1, 9]);
  assert.equal(loopsAround([2, 2], [0, 3]).length, 2);
  const [small] = loopsAround([2, 3], [4], 0.25);
  assert.ok(Math.abs(area(small) - 0.25 / 6) < 1e-9);
});

test("every line of many sets closes and covers its patches", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  for (let trial = 0; trial < 200; trial++) {
    const nodes = Array.from({ length: 42 }, (_, node) => node).filter(() => random() < 0.5);
    const total = loopsAround([6, 7], nodes).reduce((sum, loop) => sum + area(loop), 0);
    assert.ok(Math.abs(42 * total - nodes.length) < 1e-6);
  }
});

test("marks: every member filled by its part, an outline a set, at most four", () => {
  const sets = setsOf(layer, 0);
  const marks = setMarks({ layer, sets, theme });
  assert.deepEqual(
    marks.map(({ kind, color }) => [kind, color]),
    ["fill", "fill", "outline", "fill", "fill", "outline"].map((kind, i) => [kind, i < 3 ? "a" : "b"]),
  );
  assert.ok(marks[3].alpha < marks[4].alpha);
  const many = setMarks({ layer, sets: Array(9).fill(sets[0]), theme });
  assert.equal(many.filter(({ kind }) => kind === "outline").length, MOST_SETS);
});
