/** Flags shared by the commands, and their parsers. */
import { type Command, InvalidArgumentError, Option } from "commander";

/** Flags of every command. */
export interface CommonFlags {
  readonly url: string;
  readonly token?: string;
  readonly device?: string;
  readonly prefix?: string;
  readonly count?: number;
}

/** Flags of the push commands. */
export interface PushFlags extends CommonFlags {
  /** Entries per second; 0 sends as fast as possible. */
  readonly fps: number;
}

/** Flags of the pull commands. */
export interface PullFlags extends CommonFlags {
  readonly fps: number;
  readonly latest?: true;
  readonly lastEntryId?: string;
  /** Legacy spelling. */
  readonly last_entry_id?: string;
}

const DEFAULT_URL = "http://127.0.0.1:8000";

/** Wraps a parser so that its errors become usage errors of commander. */
export const flagValue =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };

function parseFps(text: string): number {
  const fps = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(fps <= 1e6)) throw new Error(`must be a number from 0 to 1000000, got "${text}"`);
  return fps;
}

function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new Error(`must be an integer of at least 1, got "${text}"`);
  return count;
}

const withCommon = (command: Command): Command =>
  command
    .addOption(new Option("--url <url>", "URL of the gateway").env("REDIS_STREAMER_URL").default(DEFAULT_URL))
    .addOption(new Option("--token <key>", "API key or token").env("REDIS_STREAMER_TOKEN"))
    .option(
      "--device <id>",
      "device of the stream; '' if the stream name is a complete Redis key (default: default)",
    )
    .option("--prefix <text>", "text before the stream name in its Redis key")
    .option("--count <entries>", "stop after this many entries", flagValue(parseCount));

/** Adds the flags of a push command. @param fps the default rate; 0 sends as fast as possible */
export const withPushFlags = (command: Command, fps: number): Command =>
  withCommon(command).option(
    "--fps <rate>",
    "entries per second; 0 sends as fast as they are acknowledged",
    flagValue(parseFps),
    fps,
  );

/** Adds the flags of a pull command. */
export const withPullFlags = (command: Command): Command =>
  withCommon(command)
    .option("--fps <rate>", "maximum messages per second; 0 disables the limit", flagValue(parseFps), 0)
    .option("--latest", "deliver only the newest entry, skip older ones")
    .option(
      "--last-entry-id <id>",
      "start after this entry: an entry id, Unix ms, 0 (oldest) or $ (new entries only, the default)",
    )
    .addOption(new Option("--last_entry_id <id>").hideHelp());
