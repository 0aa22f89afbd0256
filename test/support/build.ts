/** Builds `dist/` once before all tests: some run the program itself, and two that compile at once would clash. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Called by vitest. */
export function setup(): void {
  const script = fileURLToPath(new URL("../../scripts/build.js", import.meta.url));
  execFileSync(process.execPath, [script], { stdio: "inherit" });
}
