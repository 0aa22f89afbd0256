/** Options of the command line as a whole. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { testIo } from "../support/programs/command-line.ts";

function program() {
  let output = "";
  const made = createProgram(testIo());
  const writeOut = (text: string) => {
    output += text;
  };
  for (const one of [made, ...made.commands]) one.configureOutput({ writeOut, writeErr: writeOut });
  return { program: made, output: () => output };
}

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

test.each(["--version", "-V"])("%s prints the version of the package", async (flag) => {
  const { program: made, output } = program();
  await expect(made.parseAsync([flag], { from: "user" })).rejects.toMatchObject({ exitCode: 0 });
  expect(output()).toBe(`${version}\n`);
});

test.each(["push-increment", "push-image"])("%s has a rate by default, which its help shows", (name) => {
  const command = program().program.commands.find((one) => one.name() === name);
  const { fps } = command?.opts() ?? {};
  expect(fps).toBeGreaterThan(0);
  expect(fps).toBeLessThanOrEqual(30);
  expect(command?.helpInformation().replace(/\s+/g, " ")).toContain(
    `0 sends as fast as they are acknowledged (default: ${fps})`,
  );
});
