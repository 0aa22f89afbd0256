/** `record`: has the gateway record streams, shows the progress, and fetches the files. */
import { once } from "node:events";
import { type RecordingInfo, type Streamer, StreamerError } from "../../../client/index.ts";
import { sleep } from "../../../src/domain/scheduling/sleep.ts";
import { createDirectory } from "../../../src/recordings/create-directory.ts";
import type { CommandRow } from "../../command.ts";
import { openGateway, openStreamer } from "../../connection.ts";
import { CommandError, usageError } from "../../exit-codes.ts";
import { EXCLUDE, NAMING, type NamingFlags, parseDuration, parseSize } from "../../options.ts";
import { errorText } from "../../output/error-text.ts";
import type { Io } from "../../output/io.ts";
import { oneLine } from "../../output/payload-text.ts";
import { countText, entriesText, rateText, sizeText } from "../../output/quantities.ts";
import { downloadRecording } from "../../recordings/download.ts";
import { readKeys } from "../../recordings/play-keys.ts";

interface Flags extends NamingFlags {
  readonly output?: string;
  readonly name?: string;
  readonly exclude?: readonly string[];
  readonly from?: string;
  /** ms */
  readonly duration?: number;
  /** ms */
  readonly maxDuration?: number;
  readonly maxSize?: number;
  readonly compression: "zstd" | "none";
  readonly startPaused?: true;
  readonly note?: ReadonlyMap<string, string>;
  readonly detach?: true;
}

/** The command. */
export const record: CommandRow = {
  name: "record",
  group: "Recordings",
  summary: "record streams into an MCAP file until Ctrl-C",
  details:
    "have the gateway record streams into an MCAP file, until Ctrl-C or a limit; prints the name of each file, with -o its path; the recording survives restarts of the gateway, and does not depend on this command's connection",
  arguments: [{ name: "<patterns...>", doc: "streams or patterns; later streams join", kind: "stream" }],
  options: [
    ...NAMING,
    {
      flags: "-o, --output <dir>",
      doc: "fetch the files into this directory at the end (default: they stay on the gateway, GET /recordings/NAME.mcap)",
      kind: "directory",
    },
    { flags: "--name <name>", doc: "name of the recording (default: device and time)" },
    EXCLUDE,
    {
      flags: "--from <position>",
      doc: "start after an entry id or Unix ms, at 0 (oldest) or $ (now, the default)",
    },
    {
      flags: "--duration <duration>",
      doc: "stop after this time: 90s, 10m",
      parse: parseDuration,
      parameters: ["maxSeconds"],
    },
    {
      flags: "--max-size <size>",
      doc: "stop at this size: 512m, 2g",
      parse: parseSize,
      parameters: ["maxBytes"],
    },
    { flags: "--max-duration <duration>", doc: "the same as --duration", parse: parseDuration },
    {
      flags: "--compression <name>",
      doc: "compression of the file; images and other payloads that do not get smaller are stored as they are",
      choices: ["zstd", "none"],
      fallback: "zstd",
    },
    { flags: "--start-paused", doc: "wait for the space key before the start" },
    {
      flags: "--note <key=value>",
      doc: "add a text to the file; may be repeated",
      parse: parseNote,
      parameters: ["notes"],
    },
    {
      flags: "--detach",
      doc: "exit, and leave the recording running on the gateway; POST /recordings/NAME/stop stops it",
    },
  ],
  examples: ["redis-streamer record '*' --device rover -o runs --duration 10m"],
  run: (io, [streams]: [readonly string[]], flags: Flags) => runRecord(io, streams, flags),
};

/** Interval at which the state is requested, ms. */
const POLL_MS = 1_000;

async function runRecord(io: Io, streams: readonly string[], flags: Flags): Promise<void> {
  const { terminal, signal } = io;
  const { device, prefix, exclude, from, name, maxSize, compression, note, output, detach } = flags;
  const duration = Math.min(
    flags.duration ?? Number.POSITIVE_INFINITY,
    flags.maxDuration ?? Number.POSITIVE_INFINITY,
  );
  if (flags.startPaused) {
    if (io.input.isTTY !== true) throw usageError("--start-paused requires a terminal");
    terminal.note("paused; space starts the recording, q ends");
    if (!(await isStarted(io))) return;
  }
  if (output !== undefined) await createDirectory(output);
  const streamer = openStreamer(flags);
  const started = await streamer.record(streams, {
    ...{ device, prefix, exclude, from, name, compression, signal, maxBytes: maxSize },
    maxSeconds: duration === Number.POSITIVE_INFINITY ? undefined : Math.ceil(duration / 1e3),
    notes: note && Object.fromEntries(note),
  });
  terminal.note(`recording ${oneLine(started.name)}${detach ? "" : "; Ctrl-C stops it"}`);
  if (started.streams.length === 0) terminal.note("no stream matches yet; those that appear are recorded");
  if (detach) {
    await terminal.print(started.name);
    return;
  }
  // From here on, Ctrl-C stops the recording, and the requests after it are made all the same.
  const ended = await follow(io, streamer, started).catch((error: unknown) => {
    if (!(error instanceof StreamerError)) throw error;
    throw new CommandError(`${error.message}; recording ${oneLine(started.name)} may still be running`);
  });
  terminal.note(`recorded ${describe(ended)}`);
  if (ended.state === "failed") throw new CommandError(`the recording failed: ${ended.error}`);
  for (const { file } of ended.files) {
    if (output === undefined) await terminal.print(file);
    else await terminal.print(await fetchFile(flags, file, output));
  }
}

/** Downloads a file. @returns its path @throws CommandError */
async function fetchFile(flags: Flags, file: string, directory: string): Promise<string> {
  try {
    return await downloadRecording(openGateway(flags), file, directory);
  } catch (error) {
    throw new CommandError(`${errorText(error)}; ${oneLine(file)} remains on the gateway`);
  }
}

/** Waits for space. @returns false if `q` or a signal ends the command */
async function isStarted({ input, signal }: Io): Promise<boolean> {
  const ended = new AbortController();
  let isSpace = false;
  const stopKeys = readKeys(input, {
    pause() {
      isSpace = true;
      ended.abort();
    },
    seek: () => undefined,
    stop: () => ended.abort(),
  });
  const either = AbortSignal.any([signal, ended.signal]);
  if (!either.aborted) await once(either, "abort");
  stopKeys();
  return isSpace;
}

/** Adds a note. @throws Error */
function parseNote(text: string, before: unknown): ReadonlyMap<string, string> {
  const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === "") throw new Error(`must be KEY=VALUE, got "${text}"`);
  return new Map([...(before instanceof Map ? before : []), [key, value]]);
}

/** Shows the progress until the recording ends, or a signal stops it. A gateway that restarts continues the recording. */
async function follow(
  { terminal, signal, now }: Io,
  streamer: Streamer,
  started: RecordingInfo,
): Promise<RecordingInfo> {
  let last = started;
  let perSecond = 0;
  let atMs = now();
  const hideProgress = terminal.showProgress(() => `record ${describe(last)}, ${rateText(perSecond)}`);
  try {
    while (last.state === "recording" && !signal.aborted) {
      await sleep(POLL_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      const next = await streamer.recording(started.name).catch((error: unknown) => {
        if (!(error instanceof StreamerError && error.retryable)) throw error;
        return last;
      });
      const elapsedMs = Math.max(1, now() - atMs);
      perSecond = (Math.max(0, next.entries - last.entries) * 1e3) / elapsedMs;
      atMs = now();
      last = next;
    }
    return last.state === "recording" ? await streamer.stopRecording(started.name) : last;
  } finally {
    hideProgress();
  }
}

function describe({ name, entries, bytes, gaps, error }: RecordingInfo): string {
  const parts = [entriesText(entries), sizeText(bytes), `${countText(gaps)} gaps`];
  return `${oneLine(name)}: ${parts.join(", ")}${error === null ? "" : ` (${oneLine(error)})`}`;
}
