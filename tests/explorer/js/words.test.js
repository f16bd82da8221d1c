import assert from "node:assert/strict";
import { test } from "node:test";
import table from "../../../viz_nodes/draw/style/words.json" with { type: "json" };
import { quoted } from "../../../viz_nodes/explorer/src/sentences.js";
import { formatHash, parseHash } from "../../../viz_nodes/explorer/src/state.js";
import { among, NBSP, number, percent } from "../../../viz_nodes/explorer/src/words.js";

const MINUS = "\u2212";

for (const [fraction, words] of table.cases.percent) {
  test(`a fraction of ${fraction} is ${words}, as in Python`, () => assert.equal(percent(fraction), words));
}
for (const [value, words] of table.cases.number) {
  test(`${value} is written ${words}, as in Python`, () => assert.equal(number(value), words));
}

test("signed numbers, and those of a column", () => {
  assert.deepEqual(
    [0, 0.06692, -958.4].map((value) => number(value, true)),
    ["0", "+0.0669", `${MINUS}958`],
  );
  const column = [0.0377, -0.026, 0.00001, 0].map((value) => among(value, 0.0377));
  assert.deepEqual(column, ["+0.0377", `${MINUS}0.0260`, `\u2248${NBSP}0`, "0"]);
});

test("words of a shell", () => {
  assert.equal(quoted("a/b.jpg"), "a/b.jpg");
  assert.equal(quoted("it's $(x)"), "'it'\\''s $(x)'");
});

test("a view as an address and back", () => {
  const state = { layer: 4, pins: [[0.25, 0.4]], hops: 2, out: true, palette: "jet" };
  const hash = formatHash(state);
  assert.equal(hash, "#layer=4&pins=0.25,0.4&hops=2&out=1&palette=jet");
  assert.deepEqual(parseHash(hash), state);
  assert.deepEqual(parseHash("#__proto__=1&layer=x&k=5"), { k: 5 });
});
