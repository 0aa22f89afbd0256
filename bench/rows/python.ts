/**
 * The Python package against the plain loops of docs/any-language.md: pulling a stored stream, and storing small entries.
 *
 * The comparison is fair because both sides are Debian's Python and `websockets`, run one after the other on the same stream
 * and gateway, check every payload, and are timed from before the connection is opened until the last entry or
 * acknowledgement, without the close. The package may request larger messages and keep entries in flight: that it does so by
 * itself is what it is for.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compare } from "../load/measurement/rounds.ts";
import { atLeast, type Bar, type Row, times, whole } from "../row.ts";
import type { Stage } from "../stage.ts";

const run = promisify(execFile);

/** A direction of transfer. */
type What = "pull" | "push";

/** This file runs from its build, and the program is beside the sources. */
const PROGRAM =
  ["../python/measure.py", "../../../bench/python/measure.py"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync) ?? "";

/** Runs one side. @returns entries per second */
async function measureSide(side: "package" | "plain", what: What, ...load: readonly (string | number)[]) {
  const { stdout } = await run("/usr/bin/python3", [PROGRAM, side, what, ...load.map(String)]);
  return Number(stdout);
}

/** Compares both sides. @param entries number of entries: of the package, and of the plain loop, which may be slower */
async function measure(
  stage: Stage,
  bar: Bar,
  what: What,
  entries: { readonly ours: number; readonly plain: number },
  bytes: number,
) {
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0" });
  try {
    if (what === "pull")
      await measureSide(
        "package",
        "push",
        gateway.port,
        "stored",
        Math.max(entries.ours, entries.plain),
        bytes,
      );
    const stream = (name: string) => (what === "pull" ? "stored" : name);
    const side = async (name: "package" | "plain", count: number, round: number) => {
      const rate = await measureSide(name, what, gateway.port, stream(`${name}-${round}`), count, bytes);
      stage.say(`${name}: ${whole(rate)} entries/s`);
      return rate;
    };
    const { reference, ours, ratio } = await compare(
      stage.rounds,
      (round) => side("plain", entries.plain, round),
      (round) => side("package", entries.ours, round),
    );
    return {
      reference: `plain loop ${whole(reference)}`,
      ours: whole(ours),
      ratio: times(ratio),
      verdict: bar.judge(ratio),
    };
  } finally {
    await gateway.stop();
  }
}

const PULL = atLeast(1, 2);
const PULL_LARGE = atLeast(0.95, 1);
const PUSH = atLeast(5, 8);

export const pythonPullRow: Row = {
  name: "python-pull",
  what: "Python package, pull of 100 B: entries/s",
  ...PULL,
  measure: (stage) => measure(stage, PULL, "pull", { ours: 200_000, plain: 200_000 }, 100),
};

export const pythonPullLargeRow: Row = {
  name: "python-pull-large",
  what: "Python package, pull of 100 KB: entries/s",
  ...PULL_LARGE,
  measure: (stage) => measure(stage, PULL_LARGE, "pull", { ours: 3000, plain: 3000 }, 100_000),
};

export const pythonPushRow: Row = {
  name: "python-push",
  what: "Python package, acknowledged push of 100 B with dedupe: stored/s",
  ...PUSH,
  measure: (stage) => measure(stage, PUSH, "push", { ours: 60_000, plain: 6000 }, 100),
};
