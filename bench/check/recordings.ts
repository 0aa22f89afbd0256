/**
 * Recordings of all streams of the pushers: one on each gateway, from the start of a run to its end. Their files are judged like what
 * readers receive: together, they have every entry once, or state the ids between which entries are missing.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compareIds, FIRST_ID, parseId } from "../../src/domain/streams/entry-id.ts";
import { readFileFacts } from "../../src/recordings/files/file-facts.ts";
import { hasChunk } from "../../src/recordings/files/has-chunk.ts";
import { openRecording } from "../../src/recordings/files/read-recording.ts";
import type { FileStatus, RecordingStatus } from "../../src/recordings/recording-status.ts";
import {
  type GapEvent,
  type History,
  keyOf,
  type NamedEntry,
  type ReaderHistory,
} from "./verdict/history.ts";

/** Name of each recording. */
const NAME = "check";
/** Time (ms) without further entries after which a recording is stopped. */
const QUIET_MS = 2000;
/** Time (ms) after which a recording is stopped at the latest. */
const LIMIT_MS = 60_000;

/** Returns the directory of a gateway's recordings. @param dir of the run */
export const recordingsDir = (dir: string, port: number): string => join(dir, `recordings-${port}`);

/** A gateway of a run. */
type Gateway = { readonly port: number };

/** Histories of the recordings. */
export interface RecordingHistories {
  readonly readers: readonly ReaderHistory[];
  readonly gapReaders: NonNullable<History["gapReaders"]>;
  /** Recordings that failed. */
  readonly failures: readonly string[];
}

/** Starts the recordings. @throws Error if a gateway rejects its own */
export async function startRecordings(gateways: readonly Gateway[]): Promise<void> {
  for (const { port } of gateways)
    await call(port, "", {
      method: "POST",
      body: JSON.stringify({ name: NAME, streams: ["s*"], from: "0" }),
    });
}

/** Stops the recordings once they have reached the end, and reads their files. @param dir of the run */
export async function settleRecordings(
  gateways: readonly Gateway[],
  dir: string,
  streams: readonly string[],
): Promise<RecordingHistories> {
  const settled = await Promise.all(
    gateways.map(async ({ port }, number) => {
      await untilQuiet(port);
      const status = await call(port, `/${NAME}/stop`, { method: "POST" });
      const filled = await filesWithEntries(status, recordingsDir(dir, port));
      const isWhole = status.state === "stopped" && filled.every(({ state }) => state !== "damaged");
      const failure = `the recording of gateway ${number} is ${JSON.stringify(status)}`;
      return {
        failures: isWhole ? [] : [failure],
        ...(await readFiles(filled, recordingsDir(dir, port), streams, `recording of gateway ${number}`)),
      };
    }),
  );
  return {
    readers: settled.flatMap(({ readers }) => readers),
    gapReaders: settled.flatMap(({ gapReaders }) => gapReaders),
    failures: settled.flatMap(({ failures }) => failures),
  };
}

/** Waits until a recording gets no further entries. */
async function untilQuiet(port: number): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  let last = -1;
  for (let since = performance.now(); performance.now() < limit; await sleep(100)) {
    const { entries, error } = await call(port, `/${NAME}`, {});
    if (entries !== last || error !== null) since = performance.now();
    else if (performance.now() - since > QUIET_MS) return;
    last = entries;
  }
}

/** Sends a request. On a busy machine, Redis may be unavailable at first. */
async function call(port: number, path: string, init: RequestInit): Promise<RecordingStatus> {
  for (const limit = performance.now() + LIMIT_MS; ; await sleep(100)) {
    const response = await fetch(`http://127.0.0.1:${port}/recordings${path}`, init);
    const body = await response.text();
    if (response.ok) return JSON.parse(body) as RecordingStatus;
    if (response.status !== 503 || performance.now() > limit)
      throw new Error(`/recordings${path}: ${response.status} ${body}`);
  }
}

/**
 * Returns the files that may have entries. A file is listed before its thread creates it, so a gateway that is killed at that
 * moment leaves a file that does not exist, or has no chunk.
 */
export async function filesWithEntries(
  { files }: Pick<RecordingStatus, "files">,
  dir: string,
): Promise<readonly FileStatus[]> {
  const isFilled = await Promise.all(files.map(({ file }) => existsWithChunk(join(dir, file))));
  return files.filter((_, i) => isFilled[i]);
}

async function existsWithChunk(path: string): Promise<boolean> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    return await hasChunk(file);
  } finally {
    await file.close();
  }
}

/** Reads the files of a recording, one after the other. */
async function readFiles(
  files: readonly FileStatus[],
  dir: string,
  streams: readonly string[],
  name: string,
): Promise<Omit<RecordingHistories, "failures">> {
  const entries = new Map(streams.map((stream): [string, NamedEntry[]] => [stream, []]));
  const gaps = new Map(streams.map((stream): [string, { after: string; before: string }[]] => [stream, []]));
  for (const { file } of files) {
    const path = join(dir, file);
    // All gaps: a stream with a short maximum length has hundreds of them on a busy machine.
    const facts = await readFileFacts(path, Number.POSITIVE_INFINITY);
    for (const { stream, after, before } of facts.gaps) gaps.get(streamOf(stream))?.push({ after, before });
    await using recording = await openRecording(path);
    for await (const { stream, entry } of recording.read()) {
      const key = keyOf(Buffer.from(entry.data).toString());
      entries.get(streamOf(stream.key))?.push({ id: entry.id, key });
    }
  }
  return {
    readers: streams.map((stream) => ({
      ...{ name: `${name}: ${stream}`, stream, latest: false },
      sessions: [{ cursor: FIRST_ID, floor: FIRST_ID, entries: entries.get(stream) ?? [] }],
    })),
    gapReaders: streams.map((stream) => ({
      ...{ name: `gaps of the ${name}: ${stream}`, stream },
      sessions: [{ cursor: FIRST_ID, events: eventsOf(entries.get(stream) ?? [], gaps.get(stream) ?? []) }],
    })),
  };
}

const streamOf = (key: string): string => key.slice(key.indexOf(":") + 1);

/** Returns the entries with each gap before the entry that ends it. */
function eventsOf(
  entries: readonly NamedEntry[],
  gaps: readonly { readonly after: string; readonly before: string }[],
): GapEvent[] {
  const left = [...gaps];
  return entries.flatMap(({ id = FIRST_ID }): GapEvent[] => {
    const end = left.findIndex(({ before }) => compareIds(idOf(before), idOf(id)) > 0);
    const passed = left.splice(0, end < 0 ? left.length : end);
    return [...passed, { id }];
  });
}

const idOf = (text: string) => parseId(text) ?? FIRST_ID;
