import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf } from "../../../viz_nodes/explorer/src/stills.js";

test("a picture names the widget it stands in for", () => {
  const bytes = `\x89PNG\r\n${"\0".repeat(27)}\0\0\0\x22tEXtvizgraph-explorer\0${"0123456789abcdef"}....${"\xff".repeat(400)}`;
  assert.equal(keyOf(`data:image/png;base64,${btoa(bytes)}`), "0123456789abcdef");
  assert.equal(keyOf(`data:image/png;base64,${btoa("\x89PNG\r\n and others of some length")}`), "");
  assert.equal(keyOf("blob:whatever"), "");
});
