/** Runs the tests of the Python package with Debian's interpreter. Each process of pytest starts the servers that it needs. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const home = fileURLToPath(new URL("../../../python/", import.meta.url));
// A test that hangs for a minute prints where its threads are.
const OPTIONS = ["-p", "no:cacheprovider", "-o", "faulthandler_timeout=60"];
const files = readdirSync(`${home}tests`).filter((name) => /^test_.*\.py$/.test(name));
/** Files of one process, which share its Redis and its gateway. A process per file would mostly start servers. */
const PROCESSES = 3;
const groups = Array.from({ length: PROCESSES }, (_, group) => ({
  group: files.filter((_file, i) => i % PROCESSES === group),
}));

/**
 * Limit for one process, ms, far above the time of a busy machine. Then pytest and its servers are killed: a hung test fails.
 */
const LIMIT_MS = 600_000;

/** Runs pytest. @returns its exit code, or the signal that ended it, and its output */
async function pytest(
  group: readonly string[],
): Promise<{ readonly code: unknown; readonly output: string }> {
  // A process group of its own, because the servers of a killed pytest would remain.
  const child = spawn(
    "/usr/bin/python3",
    ["-m", "pytest", ...OPTIONS, ...group.map((file) => `tests/${file}`)],
    {
      cwd: home,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  const limit = setTimeout(() => killGroup(child), LIMIT_MS);
  const closed = once(child, "close");
  const [code, signal] = await once(child, "exit");
  clearTimeout(limit);
  // Servers that remain would keep the pipes open.
  killGroup(child);
  await closed;
  return { code: code ?? signal, output };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing remained.
  }
}

test("finds the tests", () => {
  expect(files.length).toBeGreaterThan(7);
});

test.concurrent.each(groups)("$group", { timeout: 2 * LIMIT_MS }, async ({ group }) => {
  const { code, output } = await pytest(group);
  expect(code, output).toBe(0);
  // Each file is reported by its name, with a dot for each test that passed.
  for (const file of group) expect(output).toMatch(new RegExp(`^tests/${file} \\.+\\s`, "m"));
  expect(output).toMatch(/\d+ passed/);
  expect(output).not.toMatch(/failed|error|skipped|PytestUnraisable/);
});
