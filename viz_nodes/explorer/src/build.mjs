// Bundle the sources into static/; with --check say whether what lies there is what they give.
//
//     node viz_nodes/explorer/src/build.mjs [--check]

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = (name) => fileURLToPath(new URL(name, import.meta.url));
const options = { bundle: true, write: false, target: "es2022", charset: "utf8", legalComments: "none" };
const bundles = [
  { from: "main.js", to: "../static/explorer.js", format: "esm" },
  { from: "page.js", to: "../static/page.js", format: "iife" },
];
const banner = { js: "// Made of viz_nodes/explorer/src by `npm run build`: change it there." };

let stale = 0;
for (const { from, to, format } of bundles) {
  const { outputFiles } = await build({
    ...options,
    banner,
    format,
    entryPoints: [source(from)],
    absWorkingDir: source("."),
  });
  const text = outputFiles[0].text;
  if (!process.argv.includes("--check")) writeFileSync(source(to), text);
  else if (readFileSync(source(to), "utf8") !== text) {
    console.error(`${to} is not what its sources give: npm run build`);
    stale = 1;
  }
}
process.exitCode = stale;
