// @ts-check
/**
 * Bundles the programs with their libraries into `dist/bin`: Node takes about a millisecond for each module that it loads, and
 * the gateway has 1,300 (docs/decisions/0026-bundle-the-programs.md).
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROGRAMS = {
  main: "src/main.ts",
  settings: "src/settings.ts",
  thread: "src/recordings/thread/thread.ts",
  "play-thread": "src/recordings/play/thread/play-thread.ts",
  "demo-thread": "src/demo/thread/demo-thread.ts",
  "redis-streamer": "cli/index.ts",
};
/** Optional packages, and packages that find their files by their own location. */
const EXTERNAL = ["@fastify/swagger-ui", "@foxglove/wasm-zstd", "altair-static", "bufferutil", "sharp"];

const bundle = await rolldown({
  cwd: ROOT,
  input: PROGRAMS,
  platform: "node",
  transform: { target: "node20" },
  external: EXTERNAL,
  logLevel: "warn",
});
await bundle.write({
  dir: join(ROOT, "dist/bin"),
  cleanDir: true,
  chunkFileNames: "[name].js",
  comments: { legal: true, annotation: false, jsdoc: false },
});
await bundle.close();
