/** Arguments and options of the sample commands that pull. */
import type { ArgumentRow, OptionRow } from "../command.ts";
import { COUNT, LATEST, NAMING, type NamingFlags, parseRate } from "../options.ts";

/** Values of `PULL_OPTIONS`. */
export interface PullFlags extends NamingFlags {
  readonly fps: number;
  readonly latest?: true;
  readonly count?: number;
  readonly lastEntryId?: string;
  /** Legacy spelling. */
  readonly last_entry_id?: string;
}

/** Arguments of a command that pulls streams. */
export const PULL_ARGUMENTS: readonly ArgumentRow[] = [
  {
    name: "<streams...>",
    doc: "streams to pull, separated by spaces; names are literal, as in push commands",
    kind: "stream",
  },
];

/** Options of a command that pulls streams. */
export const PULL_OPTIONS: readonly OptionRow[] = [
  ...NAMING,
  COUNT,
  {
    flags: "--fps <rate>",
    doc: "maximum messages per second; 0 disables the limit",
    parse: parseRate,
    fallback: 0,
  },
  LATEST,
  {
    flags: "--last-entry-id <id>",
    doc: "start after this entry: an entry id, Unix ms, 0 (oldest) or $ (new entries only, the default)",
  },
  { flags: "--last_entry_id <id>", doc: "as --last-entry-id", isHidden: true },
];
