/** Builds `dist/` once before all tests: some run the program itself, and two that compile at once would clash. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Says to the setup of a further project that it is built: both run in one process, each with modules of its own. */
const BUILT = "REDIS_STREAMER_TESTS_BUILT";

/** Called by vitest, once for each project. */
export function setup(): void {
  if (process.env[BUILT] === "1") return;
  const script = fileURLToPath(new URL("../../scripts/build.js", import.meta.url));
  execFileSync(process.execPath, [script], { stdio: "inherit" });
  process.env[BUILT] = "1";
}
