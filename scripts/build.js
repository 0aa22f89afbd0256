// @ts-check
/**
 * Builds the gateway and the console into `dist/`: after installation, before tests and benchmarks, and when `npm start` finds
 * changed sources. A stamp is written last, so that an interrupted build is detected and repeated as a whole.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Written at the end of a complete build. */
const STAMP = join(ROOT, "dist/.built");
const BUILD_INFO = join(ROOT, "dist/.tsbuildinfo");
const PAGES = join(ROOT, "dist/pages");
const NEW_PAGES = join(ROOT, "dist/.pages");
/** Inputs of the build. */
const SOURCES = [
  "src",
  "client",
  "cli",
  "console",
  "bench",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
  "scripts/bundle.js",
];

/** @returns {boolean} whether `dist/` is complete and newer than all sources */
export function isCurrent() {
  const builtAt = changedAt(STAMP);
  return builtAt > 0 && newest(SOURCES) <= builtAt;
}

/** Builds. @throws Error if a compiler fails */
export function build() {
  // The compiler does not check whether the files that it remembers are still there.
  if (!existsSync(STAMP)) rmSync(BUILD_INFO, { force: true });
  rmSync(STAMP, { force: true });
  const startedAt = new Date();
  run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  run("scripts/bundle.js");
  // Apart, so that the pages of a running gateway are replaced at once.
  for (const mode of ["production", "send"])
    run("node_modules/vite/bin/vite.js", "build", "console", "--outDir", NEW_PAGES, "--mode", mode);
  rmSync(PAGES, { recursive: true, force: true });
  renameSync(NEW_PAGES, PAGES);
  // npx makes a command executable only the first time it finds it at a path, not after a rebuild.
  chmodSync(join(ROOT, "dist/bin/redis-streamer.js"), 0o755);
  writeFileSync(STAMP, "");
  // A source that changed during the build is newer than the stamp.
  utimesSync(STAMP, startedAt, startedAt);
}

/** @param {readonly string[]} args */
function run(...args) {
  // Otherwise a build that a test starts has the pages that developers use, which are larger.
  const env = { ...process.env, NODE_ENV: "production" };
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: "inherit", env });
}

/**
 * @param {readonly string[]} names files and folders in the package
 * @returns {number} time of the last change in them, ms
 */
function newest(names) {
  return names.reduce((last, name) => Math.max(last, newestBelow(join(ROOT, name))), 0);
}

/** @param {string} path @returns {number} time of its last change, and in a folder of the last change below, ms */
function newestBelow(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return stats?.mtimeMs ?? 0;
  let last = stats.mtimeMs;
  for (const child of readdirSync(path)) last = Math.max(last, newestBelow(`${path}/${child}`));
  return last;
}

/** @param {string} path @returns {number} in ms; 0 if it does not exist */
function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // npx runs this script before its first command in a clone. If it is interrupted then, npm 11 cannot repeat it.
  const isNpx = process.env.npm_command === "exec";
  const isOptional = isNpx || process.argv.includes("--if-changed");
  if (!isOptional || !isCurrent()) build();
}
