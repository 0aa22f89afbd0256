import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { replaceGrowth } from "../../../bench/growth/document.ts";

test("replaces the tables and nothing else, and does so again", () => {
  const before = readFileSync("docs/operating.md", "utf8");
  const once = replaceGrowth(before, "| some | table |");
  expect(once).toContain("\n\n| some | table |\n\n");
  const twice = replaceGrowth(once, "| another | table |");
  expect(twice).not.toContain("| some | table |");
  expect(twice.split("<!-- growth")[0]).toBe(before.split("<!-- growth")[0]);
  expect(twice.split("<!-- /growth")[1]).toBe(before.split("<!-- /growth")[1]);
});

test("rejects a document without the comments", () => {
  expect(() => replaceGrowth("# Operating\n", "")).toThrow("growth");
});
