import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** What the Go program embeds: each file beside its compressed form, and a mark that keeps the directory in the repository. */
function forEmbedding(): Plugin {
  let dir = "";
  return {
    name: "for-embedding",
    apply: "build",
    configResolved(config) {
      dir = config.build.outDir;
    },
    closeBundle() {
      writeFileSync(join(dir, ".gitkeep"), "");
      const assets = join(dir, "assets");
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const plain = readFileSync(join(assets, name));
        const packed = gzipSync(plain, { level: 9 });
        if (packed.length < plain.length) writeFileSync(join(assets, `${name}.gz`), packed);
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), forEmbedding()],
  build: { target: "es2022", manifest: true, sourcemap: false, chunkSizeWarningLimit: 900, assetsInlineLimit: 0 },
  server: { port: 5173, proxy: { "/api": { target: "http://127.0.0.1:8420", ws: true } } },
});
