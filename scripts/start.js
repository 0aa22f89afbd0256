#!/usr/bin/env node
// @ts-check
/**
 * What `npm start` runs: brings `dist/` up to date where the sources are there, makes sure that there is a Redis
 * server to run unless one is named, and becomes the gateway, in this process so that signals reach it directly.
 *
 * npm runs scripts by a shell, which does not pass on the signals that npm forwards to it; `exec` in `package.json` puts
 * this process in the shell's place. An npm that is killed with SIGKILL forwards nothing, so this process also stops in
 * order when npm has gone.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
// Not by name: what an older Node lacks would fail before the sentence that says so.
import * as util from "node:util";
import { provision } from "./provision.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BUILD_INFO = join(ROOT, "dist/.tsbuildinfo");
const MAIN = join(ROOT, "dist/src/main.js");
/** What is compiled by `tsconfig.build.json` and built of `console/`, and what that depends on. */
const SOURCES = [
  "src",
  "client",
  "cli",
  "console",
  "bench",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
];
/** How often it is checked whether npm is still there. */
const PARENT_WATCH_MS = 500;

stopWithNpm();
checkNode();
build();
if (await needsServer()) {
  if (!(await provision())) process.exit(1);
}
try {
  await import(pathToFileURL(MAIN).href);
} catch (error) {
  if (isMissingModule(error)) fail("a dependency is not installed: run npm ci");
  throw error;
}

/** Follows the npm that started this process. Started in any other way, it outlives its parent, as a daemon does. */
function stopWithNpm() {
  if (!/\bscripts\/start\.js\b/.test(process.env.npm_lifecycle_script ?? "")) return;
  const npm = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, PARENT_WATCH_MS);
  watch.unref();
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const [major = 0, minor = 0] = engines.node.match(/\d+/g).map(Number);
  const [isMajor = 0, isMinor = 0] = process.versions.node.split(".").map(Number);
  if (isMajor < major || (isMajor === major && isMinor < minor))
    fail(`needs Node.js ${major}.${minor} or newer, this is ${process.version}`);
}

/** Compiles what has changed. Most starts find nothing and lose no time here. */
function build() {
  const isClone = existsSync(join(ROOT, "src"));
  const isBuilt = existsSync(MAIN);
  if (!isClone || (isBuilt && newest(SOURCES) <= changedAt(BUILD_INFO))) return;
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  if (!existsSync(compiler)) {
    // Without development dependencies what was built once is what is run.
    if (!isBuilt) fail("the dependencies are not installed: run npm ci");
    return;
  }
  // The compiler trusts its notes, also of files that somebody removed.
  if (!isBuilt) rmSync(BUILD_INFO, { force: true });
  const { status } = spawnSync(process.execPath, [compiler, "-p", join(ROOT, "tsconfig.build.json")], {
    stdio: "inherit",
  });
  if (status !== 0) fail("the sources do not compile");
  const vite = join(ROOT, "node_modules/vite/bin/vite.js");
  const page = spawnSync(process.execPath, [vite, "build", join(ROOT, "console")], { stdio: "inherit" });
  if (page.status !== 0) fail("the console does not build");
  // The compiler leaves its notes untouched where nothing came of a change.
  const now = new Date();
  utimesSync(BUILD_INFO, now, now);
}

/**
 * @param {readonly string[]} names files and folders in the package
 * @returns {number} when one of them, or anything in them, changed last (ms)
 */
function newest(names) {
  let last = 0;
  for (const name of names) {
    const path = join(ROOT, name);
    last = Math.max(last, changedAt(path));
    if (!existsSync(path) || !statSync(path).isDirectory()) continue;
    last = Math.max(last, newest(readdirSync(path).map((child) => join(name, child))));
  }
  return last;
}

/** @param {string} path @returns {number} in ms; 0 where there is nothing */
function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @returns {Promise<boolean>} whether the gateway is going to run its own Redis */
async function needsServer() {
  const args = process.argv.slice(2);
  if (args.some((arg) => ["--help", "-h", "--version"].includes(arg))) return false;
  const { readSettings } = await import(pathToFileURL(join(ROOT, "dist/src/settings.js")).href);
  try {
    const file = existsSync(".env") ? util.parseEnv(readFileSync(".env", "utf8")) : {};
    return readSettings(args, { ...file, ...process.env }).redisUrl === "";
  } catch {
    // The gateway says what is wrong with its settings.
    return false;
  }
}

/** @param {unknown} error */
function isMissingModule(error) {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

/** @param {string} sentence @returns {never} */
function fail(sentence) {
  process.stderr.write(`redis-streamer: ${sentence}\n`);
  process.exit(1);
}
