// What a person downloads before the workspace works: the entry, what it imports, and the workspace's own part. More than the budget fails the build.
import { readFileSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 300 * 1024;
const dist = new URL("./dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const seen = new Set();
const files = new Set();

function take(key) {
  const chunk = manifest[key];
  if (!chunk || seen.has(key)) return;
  seen.add(key);
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const i of chunk.imports ?? []) take(i);
}

take("index.html");
take("src/features/workspace/index.tsx"); // the part of its own, where it is there

let total = 0;
const rows = [];
for (const file of files) {
  const url = new URL(file, dist);
  const bytes = gzipSync(readFileSync(url), { level: 9 }).length;
  total += bytes;
  rows.push([bytes, statSync(url).size, file]);
}
rows.sort((a, b) => b[0] - a[0]);
for (const [packed, plain, file] of rows) console.log(`${(packed / 1024).toFixed(1).padStart(8)} KB gzip ${(plain / 1024).toFixed(0).padStart(6)} KB  ${file}`);
console.log(`first load of the workspace: ${(total / 1024).toFixed(1)} KB gzip of ${budget / 1024} KB`);
if (total > budget) {
  console.error("The first load is over its budget: load what a page does not need at once with import().");
  process.exit(1);
}
