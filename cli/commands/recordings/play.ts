/** `play`: stores the entries of recordings again, at their original pace times a rate. */
import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { StreamerError } from "../../../client/index.ts";
import { matchesStream } from "../../../src/domain/streams/stream-match.ts";
import {
  ChunkMemory,
  type RecordedEntry,
  type RecordingChannel,
  type RecordingReader,
} from "../../../src/recordings/files/read-recording.ts";
import { Player } from "../../../src/recordings/play/player.ts";
import { readTogether } from "../../../src/recordings/play/read-together.ts";
import type { CommandRow } from "../../command.ts";
import { openStreamer } from "../../connection.ts";
import { CommandError, usageError } from "../../exit-codes.ts";
import { appendText, type ConnectionFlags, EXCLUDE, parseDuration, parseRate } from "../../options.ts";
import type { Io } from "../../output/io.ts";
import { ageText, entriesText, sizeText } from "../../output/quantities.ts";
import { fileError, openFile } from "../../recordings/open.ts";
import { readKeys } from "../../recordings/play-keys.ts";
import { PlayTargets } from "../../recordings/play-targets.ts";

interface Flags extends ConnectionFlags {
  readonly rate: number;
  readonly loop?: true;
  /** ms */
  readonly startOffset?: number;
  /** ms */
  readonly duration?: number;
  readonly only?: readonly string[];
  readonly exclude?: readonly string[];
  readonly remap?: ReadonlyMap<string, string>;
  readonly device?: string;
  readonly startPaused?: true;
  readonly keepIds?: true;
  readonly dedupe?: string;
}

/** The command. */
export const play: CommandRow = {
  name: "play",
  group: "Recordings",
  summary: "store the entries of MCAP files again, at their pace",
  details:
    "store the entries of MCAP files again, at their original pace times a rate; on a terminal space pauses, the left and right arrows seek by 10 s, and q stops",
  arguments: [{ name: "<files...>", doc: "MCAP files, played together by their times", kind: "file" }],
  options: [
    { flags: "--rate <rate>", doc: "speed; 0 is as fast as possible", parse: parseRate, fallback: 1 },
    { flags: "--loop", doc: "begin again at the end" },
    {
      flags: "--start-offset <duration>",
      doc: "skip this much of the beginning: 90s, 10m",
      parse: parseDuration,
    },
    {
      flags: "--duration <duration>",
      doc: "stop after this much of the recording: 90s, 10m",
      parse: parseDuration,
    },
    {
      flags: "--only <pattern>",
      doc: "play only these streams; with a colon, device:stream; may be repeated",
      parse: appendText,
    },
    EXCLUDE,
    {
      flags: "--remap <old:=new>",
      doc: "store a stream under another name, without its device; may be repeated",
      parse: parseRemap,
    },
    {
      flags: "--device <id>",
      doc: "store all streams under this device (default: as recorded, so the entries are added to those streams)",
    },
    { flags: "--start-paused", doc: "wait for the space key before the start" },
    {
      flags: "--keep-ids",
      doc: "keep the ids of the entries, which must be newer than those that are stored",
    },
    {
      flags: "--dedupe <key>",
      doc: "store each entry once under this key, so that an interrupted replay can be repeated",
    },
  ],
  examples: [
    "redis-streamer play run-1.mcap --rate 4 --device lab",
    "redis-streamer play runs/*.mcap --only 'cam-*' --loop",
  ],
  run: (io, [files]: [readonly string[]], flags: Flags) => runPlay(io, files, flags),
};

async function runPlay(io: Io, paths: readonly string[], flags: Flags): Promise<void> {
  const { loop, keepIds, startPaused } = flags;
  if (loop && keepIds)
    throw usageError("--loop stores entries repeatedly, so it cannot be used with --keep-ids");
  if (startPaused && io.input.isTTY !== true) throw usageError("--start-paused requires a terminal");
  const readers: RecordingReader[] = [];
  try {
    const memory = new ChunkMemory();
    for (const path of paths) readers.push(await openFile(path, memory));
    warnOfUnfinished(io, paths, readers);
    await playFiles(io, paths, readers, flags);
  } finally {
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  }
}

async function playFiles(
  io: Io,
  paths: readonly string[],
  readers: readonly RecordingReader[],
  flags: Flags,
): Promise<void> {
  const { loop, keepIds, startPaused, device, remap = new Map<string, string>() } = flags;
  const selects = (channel: RecordingChannel) => isSelected(channel, flags);
  const range = rangeOf(readers, selects, flags);
  const stop = new AbortController();
  const signal = AbortSignal.any([io.signal, stop.signal]);
  const dedupe = flags.dedupe ?? `play-${randomUUID()}`;
  const targets = new PlayTargets(openStreamer(flags), {
    device,
    remap,
    dedupe,
    signal,
    keepIds: keepIds === true,
  });
  for (const channel of readers.flatMap(({ channels }) => channels))
    if (selects(channel)) await targets.open(channel.stream);
  const { fromMs, toMs } = range;
  const player = new Player<RecordedEntry>({
    ...{ fromMs, toMs },
    read: (from) => readTogether(readers, { fromMs: from, toMs, selects }),
    signal,
    now: io.now,
    rate: flags.rate,
    isPaused: startPaused === true,
  });
  const stopKeys = readKeys(io.input, {
    pause: () => player.setPaused(!player.isPaused),
    // A repeated replay must number its entries as the first one did, which a seek would change.
    seek: (seconds) => (flags.dedupe === undefined ? player.seek(seconds) : undefined),
    stop: () => stop.abort(),
  });
  const title = `play ${paths.map((path) => basename(path)).join(" ")}`;
  const described = () => `${entriesText(targets.stored)}, ${sizeText(targets.bytes)}`;
  const hideProgress = io.terminal.showProgress(
    () => `${title}: ${positionText(player, range, flags.rate)}, ${described()}`,
  );
  try {
    do await player.play((entry) => targets.send(entry));
    while (loop && !signal.aborted);
    await targets.close();
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof StreamerError || error instanceof CommandError) throw error;
    // The entries before the damage are stored.
    await targets.close().catch(() => undefined);
    throw fileError(paths.join(" "), error);
  } finally {
    // Connections that are still open would keep the process running.
    stop.abort();
    stopKeys();
    hideProgress();
    io.terminal.note(`${title}: ${described()} stored`);
  }
}

/** Returns the position of a replay, its speed, and whether it is paused. */
function positionText(
  { positionMs, isPaused }: Pick<Player<RecordedEntry>, "positionMs" | "isPaused">,
  { fromMs, toMs }: ReturnType<typeof rangeOf>,
  rate: number,
): string {
  const speed = rate === 0 ? "" : `, ×${rate}`;
  return `${ageText(positionMs - fromMs)} of ${ageText(toMs - fromMs)}${speed}${isPaused ? ", paused" : ""}`;
}

function warnOfUnfinished(
  { terminal }: Io,
  paths: readonly string[],
  readers: readonly RecordingReader[],
): void {
  readers.forEach(({ isFinished }, n) => {
    if (!isFinished) terminal.note(`${paths[n]} has no end; it is played up to its last whole chunk`);
  });
}

function isSelected({ stream }: RecordingChannel, { only, exclude = [] }: Flags): boolean {
  const matches = (pattern: string) => matchesStream(pattern, stream);
  // Keys of the gateway, such as its events, cannot be written.
  if (stream.key.startsWith(":")) return false;
  return (only === undefined || only.some(matches)) && !exclude.some(matches);
}

/** Returns the part of the recordings that is played. @throws CommandError if it is empty */
function rangeOf(
  readers: readonly RecordingReader[],
  selects: (channel: RecordingChannel) => boolean,
  { startOffset = 0, duration }: Flags,
) {
  const spans = readers.map(({ span }) => span).filter((span) => span !== undefined);
  if (spans.length === 0) throw usageError("the recording has no entries");
  if (!readers.some(({ channels }) => channels.some(selects)))
    throw usageError("--only and --exclude select no stream of the recording");
  const begin = Math.min(...spans.map((span) => span.fromMs));
  const end = Math.max(...spans.map((span) => span.toMs));
  const fromMs = begin + startOffset;
  if (fromMs > end)
    throw usageError(
      `--start-offset must be at most ${Math.floor(end - begin)}ms, the length of the recording`,
    );
  return { fromMs, toMs: duration === undefined ? end : Math.min(end, fromMs + duration) };
}

/** Adds a new name. @throws Error */
function parseRemap(text: string, before: unknown): ReadonlyMap<string, string> {
  const [, old = "", name = ""] = /^(.+?):=(.+)$/s.exec(text) ?? [];
  if (name === "") throw new Error(`must be OLD:=NEW, got "${text}"`);
  return new Map([...(before instanceof Map ? before : []), [old, name]]);
}
