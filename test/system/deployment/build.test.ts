/** The build in a clone: an interrupted one is repeated as a whole, and a current one is not repeated. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../support/until.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
/** Time limit in ms for two builds, on a busy machine with one core. */
const BUILDS_MS = 600_000;
const COPIED = ["src", "client", "cli", "console", "bench", "scripts", "package.json", "package-lock.json"];

let clone: string;
beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), "build-"));
  for (const name of [...COPIED, "tsconfig.json"])
    cpSync(join(ROOT, name), join(clone, name), { recursive: true });
  // Types take most of the time of a build, and the build of the tests themselves has just checked and declared them.
  const config = JSON.parse(readFileSync(join(ROOT, "tsconfig.build.json"), "utf8"));
  const withoutTypes = { noCheck: true, noResolve: true, types: [], declaration: false };
  const compilerOptions = { ...config.compilerOptions, ...withoutTypes };
  writeFileSync(join(clone, "tsconfig.build.json"), JSON.stringify({ ...config, compilerOptions }));
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

const has = (name: string) => existsSync(join(clone, name));
const run = (script: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [join(clone, "scripts", script), ...args], {
    cwd: clone,
    env: { PATH: process.env.PATH, ...env },
    encoding: "utf8",
  });

/** Kills a build, with its compilers, as soon as a file of it exists. */
async function interruptAt(file: string): Promise<void> {
  const child = spawn(process.execPath, [join(clone, "scripts/build.js")], { cwd: clone, detached: true });
  const ended = once(child, "exit");
  await until(`${file} is built`, () => has(file), BUILDS_MS);
  process.kill(-(child.pid ?? Number.NaN), "SIGKILL");
  await ended;
}

function expectComplete(): void {
  expect(statSync(join(clone, "dist/bin/redis-streamer.js")).mode & 0o111).toBe(0o111);
  expect(has("dist/pages/index.html")).toBe(true);
  expect(readdirSync(join(clone, "dist/pages/console")).length).toBeGreaterThan(0);
}

test.each(["dist/src/main.js", "dist/bin/main.js", "dist/.tsbuildinfo"])(
  "interrupted when %s exists, it is completed by the next start",
  { timeout: BUILDS_MS },
  async (file) => {
    rmSync(join(clone, "dist"), { recursive: true, force: true });
    await interruptAt(file);
    rmSync(join(clone, "dist/bin/settings.js"), { force: true });
    expect(run("start.js", ["--version"])).toMatchObject({ status: 0, stdout: `${VERSION}\n` });
    expect(has("dist/bin/settings.js")).toBe(true);
    expectComplete();
  },
);

test("npx does not repeat a current build, and npm start only after a change", { timeout: BUILDS_MS }, () => {
  // The build that the test before completed, if it ran.
  expect(run("build.js", ["--if-changed"]).status).toBe(0);
  expectComplete();
  const page = join(clone, "dist/pages/index.html");
  const old = new Date(0);
  utimesSync(page, old, old);
  const isRepeated = () => statSync(page).mtimeMs > 0;
  expect(run("build.js", [], { npm_command: "exec" }).status).toBe(0);
  expect(run("build.js", ["--if-changed"]).status).toBe(0);
  expect(run("start.js", ["--version"]).status).toBe(0);
  expect(isRepeated()).toBe(false);
  utimesSync(join(clone, "src/main.ts"), new Date(), new Date());
  expect(run("build.js", [], { npm_command: "exec" }).status).toBe(0);
  expect(isRepeated()).toBe(true);
});
