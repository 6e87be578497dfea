// Fails the build when the widget outgrows what a shop's page should have to load, or when it became more than one file.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 25 * 1024;
const dist = new URL("./dist/", import.meta.url);
const files = readdirSync(dist).filter((name) => name !== ".gitkeep");
if (files.length !== 1 || files[0] !== "widget.js") {
  console.error(`widget: dist must hold widget.js alone, it holds ${files.join(", ")}`);
  process.exit(1);
}
const size = gzipSync(readFileSync(new URL("widget.js", dist)), { level: 9 }).length;
console.log(`widget: ${size} of ${budget} bytes, gzipped`);
if (size > budget) {
  console.error(`widget: ${size - budget} bytes over the budget`);
  process.exit(1);
}
