/** Files that documents and comments name in code spans: each exists, so that a rename does not leave a dead reference. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readDoc } from "../support/data/markdown.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["bench", "cli", "client", "console", "docs", "examples", "python", "scripts", "src", "test"];

const paths = [
  ...readdirSync(root),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  ),
].filter((path) => !path.includes("node_modules"));

/** All ends of all paths: a document may leave out the folders that are clear from its context. */
const ends = new Set(
  paths.flatMap((path) => {
    const parts = path.split("/");
    return parts.map((_, i) => parts.slice(i).join("/"));
  }),
);

/** Lines of prose: those of a document that are not fenced, and the comments of a source file. */
function proseOf(path: string): string {
  const text = readDoc(path);
  if (path.endsWith(".md")) return text.replaceAll(/^```.*?^```/gms, "");
  return text
    .split("\n")
    .filter((line) => /^\s*(\/?\*|\/\/)/.test(line))
    .join("\n");
}

// The changelog names files of earlier versions.
const readers = paths.filter((path) => /\.(md|tsx?)$/.test(path) && path !== "CHANGELOG.md");

it("names only files that exist", () => {
  const dead: string[] = [];
  for (const reader of readers)
    for (const [, name = ""] of proseOf(reader).matchAll(/`([\w./-]+\.(?:tsx?|css|md|py))`/g))
      if (!ends.has(name.replace(/^(\.\.?\/)+/, ""))) dead.push(`${reader}: ${name}`);
  expect(readers.length).toBeGreaterThan(500);
  expect(dead).toEqual([]);
});
