/** Reservation of ports between the processes of a machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort, reservePort } from "../../../../bench/load/processes/free-port.ts";

test("a port is reserved once, until its process has ended", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ports-"));
  expect([reservePort(20_000, folder), reservePort(20_000, folder), reservePort(20_001, folder)]).toEqual([
    true,
    false,
    true,
  ]);
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeFileSync(join(folder, "20002"), String(pid));
  expect(reservePort(20_002, folder)).toBe(true);
  rmSync(folder, { recursive: true });
  expect(reservePort(await freePort())).toBe(false);
});
