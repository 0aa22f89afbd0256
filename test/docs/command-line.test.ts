/** docs/command-line.md: the reference matches the commands, and every exit code is listed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { GLOBAL } from "../../cli/options.ts";
import { commandReference } from "../../cli/reference.ts";

const text = readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8");

test("the reference is current: npm run docs:commands writes it", () => {
  const [, reference = ""] = text.split(/<!-- .* -->\n\n/);
  expect(reference).toBe(`${commandReference(COMMANDS, GLOBAL)}\n`);
});

test("every command and every exit code is described", () => {
  for (const { name } of COMMANDS) expect(text).toContain(`### ${name}`);
  const codes = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(codes).toEqual(Object.values(EXIT));
});
