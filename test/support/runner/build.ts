/** Builds `dist/` once before all tests, because some run the program itself, and parallel builds would conflict. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Marks the build as done for the setup of other projects, which run in the same process with their own modules. */
const BUILT = "REDIS_STREAMER_TESTS_BUILT";

/** Called by vitest once per project. */
export function setup(): void {
  if (process.env[BUILT] === "1") return;
  const script = fileURLToPath(new URL("../../../scripts/build.js", import.meta.url));
  execFileSync(process.execPath, [script, "--if-changed"], { stdio: "inherit" });
  process.env[BUILT] = "1";
}
