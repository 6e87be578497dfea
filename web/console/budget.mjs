// What a person downloads. Two budgets, both of compressed bytes; more than either fails the build.
// 1. Before the workspace works: the entry, the sign-in page, the workspace's own part, and what they import.
// 2. Each file alone, and each page beyond the first load: nobody should wait long for a page that was not opened before.
import { readFileSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budgets = { first: 235, chunk: 110, page: 230 }; // KB
const dist = new URL("./dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** Adds the files of a chunk and of what it imports. */
function take(key, files, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`the manifest has no ${key}`);
  if (seen.has(key)) return files;
  seen.add(key);
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const i of chunk.imports ?? []) take(i, files, seen);
  return files;
}

const sizes = new Map();
function sizeOf(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1024);
  return sizes.get(file);
}
const sum = (files) => [...files].reduce((total, file) => total + sizeOf(file), 0);
const said = (kb) => `${kb.toFixed(1).padStart(7)} KB gzip`;
const over = [];

const first = new Set();
for (const key of ["index.html", "src/features/signin/index.tsx", "src/features/workspace/index.tsx"]) take(key, first);
for (const file of [...first].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, 12)) {
  console.log(`${said(sizeOf(file))} ${(statSync(new URL(file, dist)).size / 1024).toFixed(0).padStart(6)} KB  ${file}`);
}
console.log(`${said(sum(first))}  first load: sign-in, frame and workspace, of ${budgets.first} KB`);
if (sum(first) > budgets.first) over.push("the first load");

for (const [key, chunk] of Object.entries(manifest)) {
  if (sizeOf(chunk.file) > budgets.chunk) over.push(chunk.file);
  if (!chunk.isDynamicEntry) continue;
  const beyond = sum([...take(key, new Set())].filter((file) => !first.has(file)));
  if (beyond > 60 || beyond > budgets.page) console.log(`${said(beyond)}  more for ${key}`);
  if (beyond > budgets.page) over.push(key);
}
console.log(`${said(Math.max(...Object.values(manifest).map((c) => sizeOf(c.file))))}  largest file, of ${budgets.chunk} KB; a page may have ${budgets.page} KB more than the first load`);
if (over.length > 0) {
  console.error(`Over the budget: ${over.join(", ")}. Load what a page does not need at once with part() (src/app/part.tsx).`);
  process.exit(1);
}
