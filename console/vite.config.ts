/** Builds the console: files that the gateway serves, with addresses that hold wherever it stands. */
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: vite reads its configuration from the default export
export default defineConfig({
  base: "./",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/pages",
    emptyOutDir: true,
    // The folder is the path below which the gateway serves them.
    assetsDir: "console",
    target: "es2022",
    // What is in a file of its own can be forbidden to be anywhere else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
