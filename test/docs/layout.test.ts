/** Layout of `src`: how many files a folder has, and which transports import each other (docs/architecture.md). */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { expect, it } from "vitest";
import { readDoc } from "../support/data/markdown.ts";

const root = new URL("../../", import.meta.url);
const files = readdirSync(new URL("src", root), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => `src/${path}`);

/** Returns the paths of the files that a file imports by a relative path, types included. */
const importsOf = (file: string): readonly string[] =>
  [...readDoc(file).matchAll(/(?:from|import\(|import) ?"(\.[^"]+)"/g)].map(([, path = ""]) =>
    join(dirname(file), path),
  );

it("has at most 15 files in a folder, and 7 at the top level of redis", () => {
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([folder, size]) => size > (folder === "src/redis" ? 7 : 15))).toEqual([]);
});

it("has transports that do not import each other", () => {
  const shared = new Set(["request", "response", "websocket-protocol", "parts.ts"]);
  const partOf = (path: string) => /^src\/transports\/([^/]+)/.exec(path)?.[1] ?? "";
  const arrows = files.flatMap((file) =>
    importsOf(file).map((path) => [partOf(file), partOf(path)] as const),
  );
  const wrong = arrows.filter(([from, to]) => from !== to && from !== "" && to !== "" && !shared.has(to));
  expect(arrows.length).toBeGreaterThan(1000);
  expect(wrong).toEqual([]);
});
