/** Compiles and builds `dist/` once before all tests: some run the program itself, and two that compile at once would clash. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Called by vitest. */
export function setup(): void {
  const args = [path("node_modules/typescript/bin/tsc"), "-p", path("tsconfig.build.json")];
  execFileSync(process.execPath, args, { stdio: "inherit" });
  const vite = [path("node_modules/vite/bin/vite.js"), "build", path("console")];
  execFileSync(process.execPath, vite, { stdio: "inherit" });
}
