#!/usr/bin/env node
// @ts-check
/**
 * Entry point of `npm start` and of `redis-streamer serve`. Builds `dist/` if the sources changed, installs a Redis server if
 * none is configured, and runs the gateway in this process, so that it receives signals directly.
 *
 * npm runs scripts in a shell, which does not forward signals. `exec` in `package.json` replaces the shell by this process.
 * If npm is killed with SIGKILL, it forwards nothing, so this process also shuts down when npm exits.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
// Not a named import: on an older Node it would fail before checkNode() reports the version.
import * as util from "node:util";
import { build, isCurrent } from "./build.js";
import { provision } from "./provision.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "dist/bin/main.js");
/** Interval at which the parent process is checked, ms. */
const PARENT_WATCH_MS = 500;

stopWithNpm();
checkNode();
buildIfNeeded();
if (await needsServer()) {
  if (!(await provision())) process.exit(1);
}
try {
  await import(pathToFileURL(MAIN).href);
} catch (error) {
  if (isMissingModule(error)) fail("a dependency is not installed: run npm ci");
  throw error;
}

/** Shuts down when the npm that started this process exits. Without npm, the process may outlive its parent, as a daemon. */
function stopWithNpm() {
  // `npm start` and `npx redis-streamer serve`, but not a script that starts the gateway in the background.
  const isStart = /\bscripts\/start\.js\b/.test(process.env.npm_lifecycle_script ?? "");
  const isNpx = process.env.npm_command === "exec" && process.env.npm_lifecycle_event === "npx";
  if (!isStart && !isNpx) return;
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
    fail(`Node.js must be ${major}.${minor} or newer, got ${process.version}`);
}

/** Builds if a source file changed since the last build, or if that build was interrupted. */
function buildIfNeeded() {
  const isClone = existsSync(join(ROOT, "src"));
  if (!isClone || isCurrent()) return;
  if (!existsSync(join(ROOT, "node_modules/typescript/bin/tsc"))) {
    // Without development dependencies the existing build is used.
    if (!existsSync(MAIN)) fail("the dependencies are not installed: run npm ci");
    return;
  }
  try {
    build();
  } catch {
    fail("building the sources failed");
  }
}

/** @returns {Promise<boolean>} whether the gateway will run a managed Redis */
async function needsServer() {
  const args = process.argv.slice(2);
  if (args.some((arg) => ["--help", "-h", "--version"].includes(arg))) return false;
  const { readSettings } = await import(pathToFileURL(join(ROOT, "dist/bin/settings.js")).href);
  try {
    const file = existsSync(".env") ? util.parseEnv(readFileSync(".env", "utf8")) : {};
    return readSettings(args, { ...file, ...process.env }).redisUrl === "";
  } catch {
    // The gateway reports invalid settings itself.
    return false;
  }
}

/** @param {unknown} error */
function isMissingModule(error) {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`redis-streamer: ${message}\n`);
  process.exit(1);
}
