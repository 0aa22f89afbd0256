#!/usr/bin/env node
// @ts-check
/**
 * Installs redis-server, unless a redis-server or valkey-server exists, with `--for bench` the servers that the benchmark
 * compares with, with `--for attacks` the memory allocator of the image, with `--for check` the module that the history
 * checker imports, and with `--for tests` all programs that the tests use. It installs Debian packages if it has permission,
 * and otherwise prints what to install. It runs before the build, so it is plain JavaScript.
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The Debian package of each Python module that the tests import. */
const PYTHON_PACKAGES = {
  requests: "python3-requests",
  websockets: "python3-websockets",
  msgpack: "python3-msgpack",
  numpy: "python3-numpy",
  PIL: "python3-pil",
  aiohttp: "python3-aiohttp",
  httpx: "python3-httpx",
  cv2: "python3-opencv",
  pandas: "python3-pandas",
  tqdm: "python3-tqdm",
  ipykernel: "python3-ipykernel",
  pytest: "python3-pytest",
  pytest_asyncio: "python3-pytest-asyncio",
  build: "python3-build",
  hatchling: "python3-hatchling",
  ensurepip: "python3-venv",
  mypy: "mypy",
};

// Debian's own interpreter. Other interpreters on the PATH cannot import Debian's modules.
const PYTHON = "/usr/bin/python3";
const MOSQUITTO = "/usr/sbin/mosquitto";
const NGINX = "/usr/sbin/nginx";
const NATS = "/usr/sbin/nats-server";

/** Modules that the history checker imports. */
const CHECK_MODULES = ["websockets"];

/** Uses of this repository that need more programs. */
const PURPOSES = ["tests", "bench", "attacks", "check"];

/**
 * Installs missing packages, or prints one line with the packages to install.
 *
 * @param {{ purpose?: string }} [options]
 * @returns {Promise<boolean>} whether everything is installed
 */
export async function provision({ purpose = "" } = {}) {
  const packages = missingPackages(purpose);
  if (packages.length === 0) return true;
  const asRoot = rootCommand();
  if (asRoot === undefined) {
    print(`${packages.join(", ")} missing: ${advice(packages)}`);
    return false;
  }
  print(`installing ${packages.join(", ")} with ${asRoot.length === 0 ? "apt-get" : "sudo apt-get"} ...`);
  const failure = await run([
    ...asRoot,
    "sh",
    fileURLToPath(new URL("apt-install.sh", import.meta.url)),
    ...packages,
  ]);
  if (failure !== undefined) {
    print(`${failure}\nredis-streamer: installation failed: ${advice(packages)}`);
    return false;
  }
  const left = missingPackages(purpose);
  if (left.length > 0) print(`${left.join(", ")} installed, but not found on the PATH (${process.env.PATH})`);
  return left.length === 0;
}

/** @param {string} purpose @returns {string[]} the missing Debian packages */
function missingPackages(purpose) {
  const packages = onPath("redis-server") || onPath("valkey-server") ? [] : ["redis-server"];
  if (purpose === "tests" || purpose === "attacks") {
    if (!isInstalled("libjemalloc.so.2")) packages.push("libjemalloc2");
  }
  if (purpose === "tests" || purpose === "bench") {
    // As below: Debian installs it in /usr/sbin.
    if (!onPath("nats-server") && !isProgram(NATS)) packages.push("nats-server");
    if (!onPath("webdis")) packages.push("webdis");
  }
  if (purpose === "check") packages.push(...missingPython(CHECK_MODULES));
  if (purpose === "tests") {
    packages.push(...missingPython(Object.keys(PYTHON_PACKAGES)));
    if (!onPath("chromium")) packages.push("chromium");
    if (!onPath("promtool")) packages.push("prometheus");
    // Debian installs this program in /usr/sbin, which is only on root's PATH.
    if (!onPath("mosquitto") && !isProgram(MOSQUITTO)) packages.push("mosquitto");
    if (!onPath("openssl")) packages.push("openssl");
    if (!onPath("faketime")) packages.push("faketime");
    if (!onPath("ffmpeg")) packages.push("ffmpeg");
    if (!onPath("curl")) packages.push("curl");
    // As above: Debian installs it in /usr/sbin.
    if (!onPath("nginx") && !isProgram(NGINX)) packages.push("nginx-light");
  }
  return packages;
}

/** @param {readonly string[]} modules @returns {string[]} */
function missingPython(modules) {
  const probe = `import importlib.util as u; print(*[m for m in ${JSON.stringify(modules)} if not u.find_spec(m)])`;
  const result = spawnSync(PYTHON, ["-c", probe], { encoding: "utf8" });
  const absent = result.status === 0 ? result.stdout.split(/\s+/) : modules;
  const needed = Object.entries(PYTHON_PACKAGES).filter(([module]) => absent.includes(module));
  return [...(result.status === 0 ? [] : ["python3"]), ...needed.map(([, name]) => name)];
}

/** @param {string} program @returns {boolean} */
function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => isProgram(join(folder || ".", program)));
}

/** @param {string} library @returns {boolean} whether the dynamic linker finds it */
function isInstalled(library) {
  return spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }).stdout?.includes(library) ?? false;
}

/** @param {string} file @returns {boolean} */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @returns {string[] | undefined} command prefix for root; undefined if not permitted */
function rootCommand() {
  if (!onPath("apt-get")) return undefined;
  if (process.getuid?.() === 0) return [];
  return onPath("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0
    ? ["sudo", "-n"]
    : undefined;
}

/** @param {readonly string[]} packages @returns {string} */
function advice(packages) {
  const elsewhere = packages.includes("redis-server") ? ", or set REDIS_URL to a running Redis" : "";
  if (onPath("apt-get")) return `run "sudo apt-get install ${packages.join(" ")}"${elsewhere}`;
  if (onPath("brew") && packages.every((name) => name === "redis-server"))
    return `run "brew install redis"${elsewhere}`;
  return `install these programs (package names of Debian) on the PATH${elsewhere}`;
}

/**
 * Runs a command without output.
 *
 * @param {readonly string[]} command
 * @returns {Promise<string | undefined>} its output if it failed
 */
function run([program = "", ...args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    // Ctrl-C also reaches the child, which cleans up. This process waits for it.
    let interrupted = false;
    const stay = () => {
      interrupted = true;
    };
    process.on("SIGINT", stay).on("SIGTERM", stay);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output = (output + text).slice(-4000);
      });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => {
      process.off("SIGINT", stay).off("SIGTERM", stay);
      const failure = interrupted
        ? "interrupted"
        : `${output.trim()}\n${program} exited with ${signal ?? code}`;
      resolve(code === 0 ? undefined : failure);
    });
  });
}

/** @param {string} line */
function print(line) {
  process.stderr.write(`redis-streamer: ${line}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const [option, purpose = ""] = args;
  if (args.length > 0 && (option !== "--for" || !PURPOSES.includes(purpose) || args.length > 2)) {
    print(`usage: node scripts/provision.js [--for ${PURPOSES.join("|")}]`);
    process.exitCode = 2;
  } else if (!(await provision({ purpose }))) process.exitCode = 1;
}
