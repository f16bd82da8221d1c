// Outlines of edges, whole and broken.

import assert from "node:assert/strict";
import test from "node:test";
import { commandOf } from "../../../viz_nodes/explorer/src/command.js";
import { arrow, broken } from "../../../viz_nodes/explorer/src/curves.js";
import { shapesOf } from "../../../viz_nodes/explorer/src/shapes.js";
import { DEFAULTS } from "../../../viz_nodes/explorer/src/state.js";

const LINE = [
  [0, 0],
  [10, 0],
  [20, 0],
];
const HEAD = { long: 4, wide: 2 };

test("an edge narrows to half and ends in a head", () => {
  assert.deepEqual(arrow(LINE, 2, HEAD), [
    [0, 1],
    [10, 0.75],
    [16, 0.5],
    [16, 2],
    [20, 0],
    [16, -2],
    [16, -0.5],
    [10, -0.75],
    [0, -1],
  ]);
});

test("a broken edge has gaps, narrows as the whole one does, and has its head", () => {
  const pieces = broken(LINE, 2, HEAD, 1);
  assert.equal(pieces.length, 3);
  assert.ok(pieces.flat(2).every(Number.isFinite));
  const spans = pieces.map((piece) => [Math.min(...piece.map(([x]) => x)), Math.max(...piece.map(([x]) => x))]);
  assert.equal(spans[0][0], 0);
  assert.equal(spans.at(-1)[1], 20);
  for (let i = 1; i < spans.length; i++) assert.ok(spans[i][0] > spans[i - 1][1] + 2);
  assert.deepEqual(pieces.at(-1)[2], [16, 2]);
  assert.ok(
    broken(
      [
        [0, 0],
        [3, 0],
      ],
      2,
      HEAD,
      1,
    ).length === 2,
    "a short one too",
  );
});

test("an edge against the class is broken, and its dot hollow", () => {
  const frame = { left: 0, top: 0, width: 640, height: 640, unit: 1 };
  const gap = { radius: 0, most: 1, cell: [1, 1], part: 1 };
  const edge = {
    kind: "edge",
    points: [0.1, 0.5, 0.5, 0.5, 0.9, 0.5],
    gaps: [gap, gap],
    width: 4,
    most: 1,
    cell: [1, 1],
    color: "#00f",
    casing: "#fff",
    alpha: 1,
    edge: { layer: 1 },
  };
  const whole = shapesOf([edge], frame);
  const parted = shapesOf([{ ...edge, broken: true }], frame);
  assert.deepEqual(
    whole.map(({ type, fill }) => [type, fill]),
    [["polygon", "#00f"]],
  );
  assert.deepEqual(
    parted.map(({ type, fill }) => [type, fill]),
    [
      ["polygon", "#fff"],
      ["loops", "#00f"],
    ],
  );
  assert.equal(parted.filter((shape) => shape.edge).length, 1, "one element says which edge it is");
  const dot = { kind: "dot", x: 0.5, y: 0.5, radius: 4, most: 1, cell: [1, 1], fill: "#00f", rim: "#fff", alpha: 1 };
  assert.equal(shapesOf([dot], frame).length, 1);
  assert.equal(shapesOf([{ ...dot, hollow: "#fff" }], frame).length, 2);
});

test("the command line draws what is seen: opacity, cells, lines, further hops", () => {
  const subject = { command: ["vizgraph", "render"] };
  const row = { target: 5, versus: null, method: "gradcam" };
  const state = { ...DEFAULTS, layer: 6, k: 4, hops: 2, far: 0, opacity: 0.4, smooth: false, grid: false };
  const { line } = commandOf(state, { subject, row, top: 0.25 });
  for (const words of ["--k 4", "--hops 2", "--far 1000000", "--alpha 0.4", "--no-smooth", "--no-grid"]) {
    assert.ok(line.includes(words), `${words} in ${line}`);
  }
  assert.ok(commandOf({ ...state, scale: "shared" }, { subject, row, top: 0.25 }).line.includes("--map-max 0.25"));
  assert.ok(!commandOf({ ...DEFAULTS, layer: 6 }, { subject, row, top: 1 }).line.includes("--alpha"));
});
