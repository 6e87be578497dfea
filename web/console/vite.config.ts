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

// Ant Design's dialogs need one small piece of the form library, whose package does not say that the rest of it can be left out.
const onlyWhatIsUsed = (id: string): boolean => !id.includes("/node_modules/@rc-component/form/");

/**
 * Ant Design's ConfigProvider brings what lets several tooltips share one pop-up (`tooltip: { unique: true }`), which Bida does not use, and with it the code of
 * all pop-ups. Left out, that code comes with the first page that has one.
 */
function noSharedTooltips(): Plugin {
  const stub = "\0no-shared-tooltips";
  return {
    name: "no-shared-tooltips",
    enforce: "pre",
    resolveId: (id, importer) => (id === "../tooltip/UniqueProvider" && importer?.includes("/antd/es/config-provider/") ? stub : undefined),
    load: (id) => (id === stub ? "export default ({ children }) => children;" : undefined),
  };
}

export default defineConfig({
  plugins: [react(), noSharedTooltips(), forEmbedding()],
  build: {
    target: "es2022", manifest: true, sourcemap: false, chunkSizeWarningLimit: 900, assetsInlineLimit: 0,
    rolldownOptions: { treeshake: { moduleSideEffects: onlyWhatIsUsed } },
  },
  server: { port: 5173, proxy: { "/api": { target: "http://127.0.0.1:8420", ws: true } } },
});
