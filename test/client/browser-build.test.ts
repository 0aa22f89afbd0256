/** What a bundler makes of the client for a page: small, and nothing of Node in it. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

/** What the client may weigh, bytes gzipped. */
const MOST_BYTES = 15_000;

test("the client for browsers is under 15 KB gzipped and asks for nothing of Node", async () => {
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      lib: { entry: fileURLToPath(new URL("../../client/browser.ts", import.meta.url)), formats: ["es"] },
      minify: true,
    },
  });
  const [bundle] = [built].flat();
  if (bundle === undefined || !("output" in bundle)) throw new Error("nothing was built");
  const chunks = bundle.output.filter((file) => file.type === "chunk");
  expect(chunks).toHaveLength(1);
  expect(chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])).toEqual([]);
  const code = chunks.map((chunk) => chunk.code).join("\n");
  expect(code).toContain("last_entry_id");
  expect(code).not.toMatch(/\bBuffer\b|\bprocess\.|node:/);
  expect(gzipSync(code).length).toBeLessThan(MOST_BYTES);
});
