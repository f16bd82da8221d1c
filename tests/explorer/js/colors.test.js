import assert from "node:assert/strict";
import { test } from "node:test";
import { colorAt } from "../../../viz_nodes/explorer/src/colors.js";
import { enlarge } from "../../../viz_nodes/explorer/src/heatmap.js";

test("colors stay within their ends", () => {
  const seen = [-1, 0, 0.5, 1, 9].map((value) => colorAt("000000ffffff", value)[0]);
  assert.deepEqual(seen, [0, 0, 128, 255, 255]);
});

test("an enlarged map of one value stays that value", () => {
  const wide = enlarge([1, 1, 1], 1, 3, 4);
  assert.equal(wide.length, 12);
  for (const value of wide) assert.ok(Math.abs(value - 1) < 1e-6);
});
