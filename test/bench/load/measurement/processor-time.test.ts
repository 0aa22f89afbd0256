import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { processorMicros, processTree } from "../../../../bench/load/measurement/processor-time.ts";

test("counts the processor time of all threads of a process", () => {
  const before = processorMicros(process.pid);
  const start = process.cpuUsage();
  let used = process.cpuUsage(start);
  while (used.user + used.system < 100_000) used = process.cpuUsage(start);
  // The kernel updates the statistics of a running thread at its next tick.
  expect(processorMicros(process.pid) - before).toBeGreaterThan(80_000);
});

test("finds the descendants of a process", async () => {
  const script = `const { spawn } = require("node:child_process");
    const child = spawn("sleep", ["60"]);
    process.on("SIGTERM", () => { child.kill(); process.exit(); });
    console.log(child.pid);`;
  const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    parent.kill();
  });
  const [line] = await once(parent.stdout, "data");
  expect(processTree(parent.pid ?? 0)).toEqual([parent.pid, Number(String(line))]);
});
