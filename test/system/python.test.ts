/** Runs the tests of the Python package with Debian's interpreter. Each starts the servers that it needs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const home = fileURLToPath(new URL("../../python/", import.meta.url));
const files = readdirSync(`${home}tests`).filter((name) => /^test_.*\.py$/.test(name));

/** Runs pytest. @returns its exit code and output */
async function pytest(file: string): Promise<{ readonly code: unknown; readonly output: string }> {
  const child = spawn("/usr/bin/python3", ["-m", "pytest", "-q", "-p", "no:cacheprovider", `tests/${file}`], {
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  const [code] = await once(child, "close");
  return { code, output };
}

test("finds the tests", () => {
  expect(files.length).toBeGreaterThan(7);
});

test.each(files)("%s", { timeout: 480_000 }, async (file) => {
  const { code, output } = await pytest(file);
  expect(code, output).toBe(0);
  expect(output).toMatch(/\d+ passed/);
  expect(output).not.toMatch(/failed|error|skipped|PytestUnraisable/);
});
