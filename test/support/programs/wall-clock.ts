/**
 * A settable wall clock for processes of a test, by libfaketime; other clocks are unchanged. Not for redis-server, whose
 * allocator reads the clock before the library is ready.
 */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A clock. */
export interface WallClock {
  /** The environment of a process that uses this clock. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it, relative to the real clock. */
  set(seconds: number): void;
}

/** Creates a clock with the real time. @param folder for its file */
export function createWallClock(folder: string): WallClock {
  const file = join(folder, "clock");
  const set = (seconds: number) => {
    // Written atomically, because every clock read reads it.
    writeFileSync(`${file}.new`, seconds < 0 ? `${seconds}` : `+${seconds}`);
    renameSync(`${file}.new`, file);
  };
  set(0);
  const env = {
    // $LIB is expanded by the dynamic linker.
    LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return { env, set };
}
