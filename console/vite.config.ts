/**
 * Build configuration of the console. `scripts/build.js` names the output folder. The gateway serves the files, with relative
 * URLs that hold behind any path prefix.
 */
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: vite reads its configuration from the default export
export default defineConfig({
  base: "./",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    // The folder name is the URL path at which the gateway serves them.
    assetsDir: "console",
    target: "es2022",
    // Nothing is inlined, so that the content security policy can forbid inline content.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
