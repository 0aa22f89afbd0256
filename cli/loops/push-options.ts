/** Arguments and options of the sample commands that push. */
import type { ArgumentRow, OptionRow } from "../command.ts";
import { COUNT, NAMING, type NamingFlags, parseRate } from "../options.ts";

/** Values of `pushOptions`. */
export interface PushFlags extends NamingFlags {
  /** Entries per second; 0 sends as fast as possible. */
  readonly fps: number;
  readonly count?: number;
  /** Key under which entries are numbered, so that those of a lost connection are sent again and stored once. */
  readonly dedupe?: string | undefined;
}

/** Arguments of a command that pushes to a stream. */
export const PUSH_ARGUMENTS: readonly ArgumentRow[] = [
  { name: "<stream>", doc: "stream to push to", kind: "stream" },
];

/** Returns the options. @param fps the default rate */
export const pushOptions = (fps: number): readonly OptionRow[] => [
  ...NAMING,
  COUNT,
  {
    flags: "--fps <rate>",
    doc: "entries per second; 0 sends as fast as they are acknowledged",
    parse: parseRate,
    fallback: fps,
  },
];
