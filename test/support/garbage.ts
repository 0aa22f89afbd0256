/** Collecting garbage by force, for tests that measure memory or wait for something to be collected. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects all garbage of this process. */
export const collectGarbage: () => void = runInNewContext("gc");
