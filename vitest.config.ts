import { defineConfig } from "vitest/config";
import { RetriedTests } from "./test/support/runner/retried.ts";
import { SystemFirst } from "./test/support/runner/system-first.ts";

const SYSTEM = "test/system/**/*.test.ts";
/**
 * Tests that fill their heap, or inspect all of it. Each file has a process of its own, so that later files of a worker do not
 * collect the garbage of the first, and the second does not inspect the modules of a hundred other files.
 */
const HEAP = ["test/transports/all-routes/memory/*.test.ts", "test/transports/websocket/idle-memory.test.ts"];

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default defineConfig({
  // As Node resolves: else the tests and the packages they use would each have a GraphQL of their own.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // Except in `heap`, files share the modules that their worker has loaded (`isolate: false`), because loading them takes most
  // of the time of a short file. They share no state: what a test starts, it starts for itself and stops.
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One more than the cores of the smallest machine: many tests wait for a timeout or a process.
    maxWorkers: 3,
    sequence: { sequencer: SystemFirst },
    reporters: ["default", new RetriedTests()],
    projects: [
      {
        extends: true,
        test: {
          name: "system",
          include: [SYSTEM],
          globalSetup: "test/support/runner/build.ts",
          isolate: false,
          // A machine that stalls for seconds fails tests that wait for a process of their own. They get a second try, and the
          // report names them. A failed property is a fault of the code, however rarely it is found: no second try.
          retry: { count: 1, condition: /^(?!Property failed)/ },
        },
      },
      {
        extends: true,
        test: {
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: [SYSTEM, ...HEAP],
          globalSetup: "test/support/runner/build.ts",
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "heap", include: HEAP, globalSetup: "test/support/runner/build.ts" },
      },
    ],
  },
});
