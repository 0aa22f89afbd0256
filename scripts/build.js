/** Builds the gateway and the console into `dist/`: after installation, and before tests and benchmarks. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const run = (...args) => execFileSync(process.execPath, args, { cwd: path("."), stdio: "inherit" });

run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
run("node_modules/vite/bin/vite.js", "build", "console");
// npx makes a command executable only the first time it finds it at a path, not after a rebuild.
chmodSync(path("dist/cli/index.js"), 0o755);
