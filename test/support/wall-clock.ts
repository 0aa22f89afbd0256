/**
 * A wall clock for processes of a test's own, which can be set: by libfaketime, and with the other clocks left alone. Not
 * for redis-server, whose allocator looks at the clock before the library is ready.
 */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A clock. */
export interface WallClock {
  /** The environment of a process that goes by it. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it, against the real one. */
  set(seconds: number): void;
}

/** Makes a clock that is right. @param folder where its file is to be */
export function createWallClock(folder: string): WallClock {
  const file = join(folder, "clock");
  const set = (seconds: number) => {
    // In one piece: it is read at every look at the clock.
    writeFileSync(`${file}.new`, seconds < 0 ? `${seconds}` : `+${seconds}`);
    renameSync(`${file}.new`, file);
  };
  set(0);
  const env = {
    // $LIB is the dynamic linker's own.
    LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return { env, set };
}
