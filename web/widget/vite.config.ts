import { writeFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

// One classic script that needs nothing beside it: shops put it on pages whose build they do not want to touch.
export default defineConfig({
  // The directory is in the repository, empty, so that Go builds where Node has never run.
  plugins: [{ name: "keep-directory", apply: "build", closeBundle: () => writeFileSync("dist/.gitkeep", "") }],
  build: {
    target: "es2020",
    cssTarget: ["chrome100", "firefox100", "safari15.4"],
    outDir: "dist",
    emptyOutDir: true,
    lib: { entry: "src/main.ts", name: "BidaWidget", formats: ["iife"], fileName: () => "widget.js" },
  },
  test: { environment: "happy-dom", include: ["test/**/*.test.ts"] },
});
