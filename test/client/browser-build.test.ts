/** Size and contents of the browser bundle of the client. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

/**
 * Maximum size, bytes gzipped. Playback takes 1,450 of them: its commands, its state, and how it resumes. Workers of consumer
 * groups take 2,850, of which a loop that does not wait for each job takes 340; recordings and `dedupe` 700.
 */
const MAX_BYTES = 22.25 * 1024;

test("bundles the browser client under 22.25 KB gzipped, without Node modules", async () => {
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
  expect(gzipSync(code).length).toBeLessThan(MAX_BYTES);
});
