/**
 * The attack checker as a user runs it, briefly and with few clients: it passes, and it detects a gateway that delays
 * healthy clients or keeps connections open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../../dist/bench/attacks/main.js", import.meta.url));

interface Check {
  readonly lines: readonly string[];
  readonly code: number;
}

/** Runs the checker. @param seen receives each line during the run */
async function check(
  args: readonly string[],
  seen: (line: string) => void = () => undefined,
): Promise<Check> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  if (child.stdout === null) throw new Error("no standard output");
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    seen(line);
  });
  const [code] = await once(child, "close");
  return { lines, code };
}

const problemsOf = ({ lines }: Check): readonly string[] =>
  lines.filter((line) => line.startsWith("PROBLEM"));

// Odd seeds require API keys. Longer than the 17 s within which every connection of a slow client must have ended.
test("finds no harm to healthy clients by slow and malformed ones, and no connection left open", async () => {
  const found = await check([
    ...["--seed", "3", "--minutes", "0.3"],
    ...["--clients", "60", "--only", "^(slow|malformed)"],
  ]);
  expect(problemsOf(found)).toEqual([]);
  expect(found.code).toBe(0);
});

test("detects a gateway that hangs", async () => {
  const stopAndContinue = async (pid: number) => {
    process.kill(pid, "SIGSTOP");
    await sleep(1500);
    process.kill(pid, "SIGCONT");
  };
  let pid = 0;
  const found = await check(
    ["--seed", "2", "--minutes", "0.05", "--clients", "10", "--only", "malformed"],
    (line) => {
      pid ||= Number(/^gateway (\d+) /.exec(line)?.[1] ?? 0);
      if (line === "starting the attacks") void stopAndContinue(pid);
    },
  );
  expect(problemsOf(found)).toEqual([expect.stringMatching(/healthy waits over 250 ms/)]);
  expect(found.code).toBe(1);
});
