/** `pull`: prints the entries of streams and patterns, and follows them. */
import type { PulledEntry, Streamer } from "../../../client/index.ts";
import type { CommandRow } from "../../command.ts";
import { openStreamer } from "../../connection.ts";
import { CommandError, EXIT, usageError } from "../../exit-codes.ts";
import { createMeter } from "../../loops/meter.ts";
import {
  COUNT,
  EXCLUDE,
  LATEST,
  NAMING,
  type NamingFlags,
  parseCount,
  parseDuration,
  parseRate,
} from "../../options.ts";
import type { Io } from "../../output/io.ts";
import { createNotices } from "../../output/notices.ts";
import { ageText, countText } from "../../output/quantities.ts";
import { keptEntries } from "../../streams/kept-entries.ts";
import { type StartFlags, startCursor } from "../../streams/start-position.ts";
import { FORMATS, type FormatName } from "./formats.ts";

interface Flags extends NamingFlags, StartFlags {
  readonly exclude?: readonly string[];
  readonly count?: number;
  readonly follow: boolean;
  readonly format: FormatName;
  readonly fps: number;
  readonly latest?: true;
  /** ms */
  readonly timeout?: number;
}

/** The command. */
export const pull: CommandRow = {
  name: "pull",
  group: "Streams",
  summary: "print entries, and follow the streams",
  details:
    "print the entries of streams, and follow them; a name with * is a pattern, whose later streams join",
  arguments: [{ name: "<streams...>", doc: "streams or patterns, separated by spaces", kind: "stream" }],
  options: [
    ...NAMING,
    EXCLUDE,
    {
      flags: "--from <position>",
      doc: "start after an entry id or Unix ms, at an ISO 8601 time, at 0 (oldest) or $ (new entries only, the default)",
    },
    { flags: "--since <duration>", doc: "start this long ago: 90s, 5m, 2h", parse: parseDuration },
    { flags: "-n, --last <entries>", doc: "start with the newest entries", parse: parseCount },
    COUNT,
    { flags: "--no-follow", doc: "end at the newest entry; starts at the oldest by default" },
    {
      flags: "--format <format>",
      doc: "text (a line each), json (an object per line), raw (payloads only), hex",
      choices: Object.keys(FORMATS),
      fallback: "text",
    },
    LATEST,
    {
      flags: "--fps <rate>",
      doc: "maximum entries per second; 0 sets no limit",
      parse: parseRate,
      fallback: 0,
    },
    {
      flags: "--timeout <duration>",
      doc: "end with exit code 3 if no entry arrives for this long",
      parse: parseDuration,
    },
  ],
  examples: [
    "redis-streamer pull imu --since 5m --format json | jq .data.acc",
    "redis-streamer pull cam --latest --count 1 --format raw > cam.jpg",
    "redis-streamer pull '*' --device rover -n 10",
  ],
  run: (io, [streams]: [readonly string[]], flags: Flags) => runPull(io, streams, flags),
};

async function runPull(io: Io, streams: readonly string[], flags: Flags): Promise<void> {
  checkFlags(flags);
  const { terminal, signal, now } = io;
  const { count = Number.POSITIVE_INFINITY, timeout } = flags;
  const meter = createMeter(now);
  const limit = new IdleLimit(timeout, signal);
  const title = `pull ${streams.join(" ")}`;
  let gaps = 0;
  const gapsText = () => (gaps === 0 ? "" : `, ${gaps === 1 ? "1 gap" : `${countText(gaps)} gaps`}`);
  // If the output is piped, the progress line would mix with the output of the next program.
  const hideProgress = terminal.isInteractive
    ? terminal.showProgress(() => `${title}: ${meter.progress()}${gapsText()}`)
    : () => undefined;
  let failure: { readonly error: unknown } | undefined;
  const write = FORMATS[flags.format];
  try {
    for await (const entry of entriesOf(io, openStreamer(flags), streams, flags, limit.signal)) {
      limit.restart();
      meter.add(entry.data.length);
      if (entry.gap) gaps++;
      const slow = write(terminal, entry);
      if (slow !== undefined) await slow;
      if (meter.messages >= count || signal.aborted) break;
    }
  } catch (error) {
    if (!limit.signal.aborted) failure = { error };
  } finally {
    limit.stop();
    hideProgress();
    if (failure === undefined || meter.messages > 0)
      terminal.note(`${title}: ${meter.totals()}${gapsText()}`);
  }
  if (failure !== undefined) throw failure.error;
  if (limit.hasPassed && !signal.aborted)
    throw new CommandError(`no entry for ${ageText(timeout ?? 0)}`, EXIT.timeout);
}

/** @throws CommandError for flags that --no-follow does not support */
function checkFlags({ follow, latest, fps, from }: Flags): void {
  if (follow) return;
  if (latest) throw usageError("--latest follows the streams; with --no-follow, use -n 1");
  if (fps > 0) throw usageError("--fps limits what is followed; it cannot be used with --no-follow");
  if (from === "$") throw usageError("--no-follow prints stored entries; --from must not be $");
}

async function* entriesOf(
  io: Io,
  streamer: Streamer,
  streams: readonly string[],
  flags: Flags,
  signal: AbortSignal,
): AsyncGenerator<PulledEntry, void, undefined> {
  const { url, device, prefix, exclude, fps, latest, follow } = flags;
  const naming = { device, prefix, exclude };
  const from = await startCursor(streamer, streams, flags, naming, signal);
  if (!follow) {
    yield* keptEntries(streamer, streams, from ?? "0", naming, signal);
    return;
  }
  const { onStatus } = createNotices(io, url);
  yield* streamer.pull(streams, { ...naming, from, latest, maxFps: fps, signal, onStatus });
}

/** Aborts a pull when no entry has arrived for some time. */
class IdleLimit {
  readonly #controller = new AbortController();
  readonly #ms: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  constructor(ms: number | undefined, signal: AbortSignal) {
    this.#ms = ms;
    this.signal = AbortSignal.any([this.#controller.signal, signal]);
    this.restart();
  }

  get hasPassed(): boolean {
    return this.#controller.signal.aborted;
  }

  restart(): void {
    if (this.#ms === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
