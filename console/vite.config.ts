/**
 * Build configuration of the console, and with `--mode send` of the page `/send`. `scripts/build.js` names the output folder.
 * The gateway serves the files, with relative URLs that hold behind any path prefix.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: vite reads its configuration from the default export
export default defineConfig(({ mode }) => {
  // Apart: chunks that the two pages share would make the first view of each larger.
  const isSender = mode === "send";
  return {
    base: "./",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      // The folder name is the URL path at which the gateway serves them.
      assetsDir: "console",
      emptyOutDir: !isSender,
      target: "es2022",
      // Nothing is inlined, so that the content security policy can forbid inline content.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: fileURLToPath(new URL(isSender ? "send.html" : "index.html", import.meta.url)),
      },
    },
  };
});
