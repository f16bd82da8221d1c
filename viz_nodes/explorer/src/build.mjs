// Bundle the sources into static/explorer.js; with --check say whether what lies there is what they give.
//
//     node viz_nodes/explorer/src/build.mjs [--check]
//
// One file for the widget and the page, minified: it is copied into every page, and nobody takes it for a source. Its
// first line holds the SHA-256 of what it was made of, so that a test without these tools can tell whether it is current.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = resolve(here, "../static/explorer.js");

const { outputFiles, metafile } = await build({
  entryPoints: [resolve(here, "main.js")],
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
});
const digest = createHash("sha256");
for (const name of Object.keys(metafile.inputs).sort()) digest.update(readFileSync(resolve(here, name)));
const banner = "Made of viz_nodes/explorer/src by `npm run build`: change it there. Sources";
const text = `// ${banner} ${digest.digest("hex")}\n${outputFiles[0].text}`;

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error(`${target} is not what its sources give: npm run build`);
  process.exitCode = 1;
}
