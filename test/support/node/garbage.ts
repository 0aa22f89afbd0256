/** Forced garbage collection, for tests that measure memory or wait for a collection. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects all garbage of this process. */
export const collectGarbage: () => void = runInNewContext("gc");
