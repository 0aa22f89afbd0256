import { defineConfig } from "vitest/config";

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default defineConfig({
  // As Node resolves: else the tests and the packages they use would each have a GraphQL of their own.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/build.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // A machine that stands still for seconds fails what waits for a process of its own, so that gets a second try and is
    // named in the report. What a property finds is a fault of the code however rarely it is found: no second try.
    retry: { count: 1, condition: /^(?!Property failed)/ },
  },
});
