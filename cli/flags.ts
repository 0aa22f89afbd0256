/** The flags that commands have in common, and how their texts become values. */
import { type Command, InvalidArgumentError, Option } from "commander";

/** Flags of every command. */
export interface CommonFlags {
  readonly url: string;
  readonly token?: string;
  readonly device?: string;
  readonly prefix?: string;
  readonly count?: number;
}

/** Flags of the commands that push. */
export interface PushFlags extends CommonFlags {
  /** Entries a second; 0 is as fast as it goes. */
  readonly fps: number;
}

/** Flags of the commands that pull. */
export interface PullFlags extends CommonFlags {
  readonly fps: number;
  readonly latest?: true;
  readonly lastEntryId?: string;
  /** The old spelling. */
  readonly last_entry_id?: string;
}

const DEFAULT_URL = "http://127.0.0.1:8000";

/** Makes a parser of a flag from one whose errors say what it wants. */
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
  if (!(fps <= 1e6)) throw new Error(`wants a number from 0 to 1000000, not "${text}"`);
  return fps;
}

function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new Error(`wants a whole number from 1, not "${text}"`);
  return count;
}

const withCommon = (command: Command): Command =>
  command
    .addOption(
      new Option("--url <url>", "where the gateway is").env("REDIS_STREAMER_URL").default(DEFAULT_URL),
    )
    .addOption(new Option("--token <key>", "API key or token to show").env("REDIS_STREAMER_TOKEN"))
    .option(
      "--device <id>",
      "device of the stream, '' if its name is a whole key of Redis (default: default)",
    )
    .option("--prefix <text>", "text before the stream's name in its key")
    .option("--count <entries>", "stop after so many entries", flagValue(parseCount));

/** Adds the flags of a command that pushes. @param fps the default rate, 0 for as fast as it goes */
export const withPushFlags = (command: Command, fps: number): Command =>
  withCommon(command).option(
    "--fps <rate>",
    "entries a second, 0 for as fast as they are acknowledged",
    flagValue(parseFps),
    fps,
  );

/** Adds the flags of a command that pulls. */
export const withPullFlags = (command: Command): Command =>
  withCommon(command)
    .option("--fps <rate>", "at most so many messages a second, 0 for all", flagValue(parseFps), 0)
    .option("--latest", "skip what there is no time for, always the newest")
    .option("--last-entry-id <id>", "start after this: an entry id, milliseconds, 0 (the beginning), $ (now)")
    .addOption(new Option("--last_entry_id <id>").hideHelp());
