/** One recording: its files, one after the other, and its state. */
import { sleep } from "../../domain/scheduling/sleep.ts";
import type { Gap } from "../../domain/streams/entry.ts";
import { type EntryId, FIRST_ID, isoTime } from "../../domain/streams/entry-id.ts";
import type { SubscribedStream } from "../../live/subscription.ts";
import type { RecordingsDirectory } from "../../recordings/directory.ts";
import type { RecordingOwner, RecordingRecord } from "../../recordings/recording-record.ts";
import {
  type FileStatus,
  MOST_GAPS,
  type RecordingRequest,
  type RecordingStatus,
  type StopReason,
} from "../../recordings/recording-status.ts";
import type { FileThread } from "../../recordings/thread/file-thread.ts";
import type { TransportParts } from "../parts.ts";
import { type CompletedFile, completeFile, failureMessage, isRetryable } from "./complete-file.ts";
import { type RecordedStreams, Recorder } from "./recorder.ts";

/** Dependencies of a recording. */
export interface RecordingParts extends TransportParts {
  readonly directory: RecordingsDirectory;
  readonly thread: FileThread;
}

/** Opens the streams of a recording with the permissions of its owner. @throws GatewayError */
export type OpenRecorded = (request: RecordingRequest, owner: RecordingOwner) => Promise<RecordedStreams>;

/** Time in ms before a recording that could not continue, because Redis is unavailable, tries again. */
const RETRY_MS = 1000;

/** A recording. */
export class Recording {
  readonly #parts: RecordingParts;
  #record: RecordingRecord;
  #recorder: Recorder | undefined;
  /** Size of the file that is being recorded. */
  #bytes = 0;
  readonly #streams: Set<string>;
  #gapCount = 0;
  #fileGaps = 0;
  #newestGaps: readonly Gap[] = [];
  /** Why it does not record at the moment. */
  #waitsFor: string | null = null;
  /** Why it does not record all streams. */
  #lacks: string | null = null;
  #stopping: StopReason | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;
  /** Resolves when the open file is closed. */
  #closed: Promise<void> = Promise.resolve();
  #markClosed: () => void = () => undefined;

  constructor(record: RecordingRecord, parts: RecordingParts) {
    this.#record = record;
    this.#parts = parts;
    this.#streams = new Set(record.streams);
    this.#gapCount = record.files.reduce((sum, { gaps }) => sum + gaps, 0);
  }

  get record(): RecordingRecord {
    return this.#record;
  }

  get isRecording(): boolean {
    return this.#record.state === "recording";
  }

  /** Returns its status. */
  status(): RecordingStatus {
    const { name, state, reason, error, started, ended, request, owner } = this.#record;
    const files = this.#files();
    const times = (pick: "from" | "to") => files.flatMap((file) => file[pick] ?? []).sort();
    return {
      ...{ name, state, reason, started, ended, request, owner: owner.name },
      error: error ?? this.#waitsFor ?? this.#lacks,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      entries: files.reduce((sum, { entries }) => sum + entries, 0),
      from: times("from")[0] ?? null,
      to: times("to").at(-1) ?? null,
      streams: [...this.#streams].sort(),
      gaps: this.#gapCount,
      newestGaps: this.#newestGaps,
      files,
    };
  }

  /** Starts the first file. @throws Error if it cannot be written */
  async begin(opened: RecordedStreams): Promise<void> {
    await this.#parts.directory.save(this.#record);
    this.#parts.observe.counters.recordings++;
    await this.#openFile(opened, (stream) => stream);
  }

  /**
   * Continues after the end of an earlier gateway: completes its file, and records into a further one, from the last id of each
   * stream.
   */
  async resume(open: OpenRecorded): Promise<void> {
    this.#parts.observe.counters.recordings++;
    const lastIds = await this.#completeFiles();
    const { startCursors, request, owner } = this.#record;
    if (this.#timeLeft() <= 0) {
      await this.#end("stopped", { reason: "maxSeconds" });
      return;
    }
    while (!this.#isClosing && this.isRecording && this.#stopping === undefined) {
      try {
        const opened = await open(request, owner);
        this.#waitsFor = null;
        await this.#openFile(opened, (stream) => ({
          ...stream,
          cursor: lastIds.get(stream.key) ?? startCursors[stream.key] ?? FIRST_ID,
          isAtEnd: false,
        }));
        return;
      } catch (error) {
        if (!isRetryable(error)) {
          await this.#fail(error as Error);
          return;
        }
        this.#waitsFor = (error as Error).message;
        await sleep(RETRY_MS);
      }
    }
    if (this.#stopping !== undefined) await this.#end("stopped", { reason: this.#stopping });
  }

  /** Completes the files of a recording that is over, if that was not possible before. */
  async repair(): Promise<void> {
    if (this.#record.files.some(({ state }) => state === "damaged" || state === "recording"))
      await this.#completeFiles();
  }

  /** Stops it. Resolves when its file is complete. On request, the file has what the streams have at the moment of the request. */
  async stop(reason: StopReason): Promise<void> {
    if (!this.isRecording) return;
    const isFirst = this.#stopping === undefined;
    this.#stopping ??= reason;
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    if (isFirst) {
      // If Redis is unavailable, the file ends with what has been received.
      if (reason === "request") await recorder.catchUp().catch(() => undefined);
      recorder.stop();
    }
    await this.#closed;
  }

  /** Ends the file, because the gateway stops. The next gateway continues the recording. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    if (this.#recorder === undefined) return;
    this.#recorder.stop();
    await this.#closed;
  }

  /** A stream has other metadata. */
  metaChanged(key: string, meta: Buffer | undefined): void {
    this.#recorder?.metaChanged(key, meta);
  }

  #files(): readonly FileStatus[] {
    const { files } = this.#record;
    const open = files.at(-1);
    if (this.#recorder === undefined || open === undefined) return files;
    const { entries, fromMs, toMs } = this.#recorder.progress;
    return [
      ...files.slice(0, -1),
      {
        ...{ file: open.file, state: open.state, bytes: this.#bytes, entries, gaps: this.#fileGaps },
        ...{ from: isoTime(fromMs), to: isoTime(toMs) },
      },
    ];
  }

  async #openFile(
    opened: RecordedStreams,
    cursorOf: (stream: SubscribedStream) => SubscribedStream,
  ): Promise<void> {
    const { directory, thread, config } = this.#parts;
    const { name, request, files } = this.#record;
    const file = await directory.freeFileName(name, files.length + 1);
    const empty: FileStatus = {
      file,
      state: "recording",
      bytes: 0,
      entries: 0,
      from: null,
      to: null,
      gaps: 0,
    };
    await this.#save({ files: [...files, empty] });
    this.#bytes = 0;
    this.#fileGaps = 0;
    this.#closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
    const options = {
      library: `redis-streamer ${config.version}`,
      compression: request.compression,
      path: directory.pathOf(file),
    };
    const recorder = new Recorder(
      thread,
      options,
      {
        onGrowth: (size) => this.#grown(size),
        onStream: (key) => this.#streams.add(key),
        onGap: (gap) => this.#addGap(gap),
        onLimit: () => {
          this.#lacks = MORE_STREAMS;
        },
        onEnded: (size) => void this.#fileEnded(size),
        onFailed: (error) => void this.#fileFailed(error),
      },
      this.#parts,
    );
    this.#recorder = recorder;
    this.#stopInTime();
    recorder.start(opened, cursorOf);
    // It may have been stopped meanwhile.
    if (this.#stopping !== undefined || this.#isClosing) recorder.stop();
  }

  /** Time left in ms; infinite without `maxSeconds`. */
  #timeLeft(): number {
    const { started, request } = this.#record;
    return Date.parse(started) + (request.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000 - Date.now();
  }

  #stopInTime(): void {
    const left = this.#timeLeft();
    if (left === Number.POSITIVE_INFINITY) return;
    const wake = () => (left > MOST_TIMER_MS ? this.#stopInTime() : void this.stop("maxSeconds"));
    this.#timer = setTimeout(wake, Math.min(left, MOST_TIMER_MS)).unref();
  }

  #grown(size: number): void {
    this.#bytes = size;
    const { maxBytes } = this.#record.request;
    if (maxBytes === undefined) return;
    const before = this.#record.files.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
    if (before + size >= maxBytes) void this.stop("maxBytes");
  }

  #addGap(gap: Gap): void {
    this.#gapCount++;
    this.#fileGaps++;
    this.#newestGaps = [...this.#newestGaps, gap].slice(-MOST_GAPS);
  }

  /** The open file is complete: the recording stops, or the gateway does. */
  async #fileEnded(size: number): Promise<void> {
    this.#bytes = size;
    const files = this.#closeFile("finished");
    if (this.#isClosing && this.#stopping === undefined) await this.#save({ files });
    else await this.#end("stopped", { files, reason: this.#stopping ?? "request" });
    this.#markClosed();
  }

  async #fileFailed(error: Error): Promise<void> {
    const files = this.#closeFile("finished");
    await this.#fail(error, files);
    this.#markClosed();
  }

  /** Completes what can be completed, and ends the recording. */
  async #fail(error: Error, files: readonly FileStatus[] = this.#record.files): Promise<void> {
    const { observe } = this.#parts;
    observe.counters.recordingsFailed++;
    observe.logger.error({ err: error, recording: this.#record.name }, "a recording failed");
    const open = files.at(-1);
    if (open === undefined || open.state === "interrupted") {
      await this.#end("failed", { files, error: failureMessage(error) });
      return;
    }
    const { status } = await this.#complete(open, "finished");
    await this.#end("failed", { files: [...files.slice(0, -1), status], error: failureMessage(error) });
  }

  #closeFile(state: FileStatus["state"]): readonly FileStatus[] {
    const files = this.#files().map((file, i, all) => (i === all.length - 1 ? { ...file, state } : file));
    this.#recorder = undefined;
    clearTimeout(this.#timer);
    return files;
  }

  /** Completes the file that an earlier gateway left. @returns the last id of each stream, over all files */
  async #completeFiles(): Promise<ReadonlyMap<string, EntryId>> {
    const lastIds = new Map<string, EntryId>();
    const files: FileStatus[] = [];
    for (const file of this.#record.files) {
      const isWhole = file.state === "finished" || file.state === "interrupted";
      const { status, facts } = await this.#complete(file, isWhole ? file.state : "interrupted");
      files.push(status);
      for (const [key, id] of facts?.lastIds ?? []) {
        lastIds.set(key, id);
        this.#streams.add(key);
      }
      if (facts !== undefined) this.#newestGaps = [...this.#newestGaps, ...facts.gaps].slice(-MOST_GAPS);
    }
    this.#gapCount = files.reduce((sum, { gaps }) => sum + gaps, 0);
    await this.#save({ files });
    return lastIds;
  }

  #complete(file: FileStatus, state: FileStatus["state"]): Promise<CompletedFile> {
    const { directory, observe } = this.#parts;
    return completeFile(file, state, directory, observe.logger);
  }

  async #end(
    state: "stopped" | "failed",
    change: Partial<Pick<RecordingRecord, "files" | "reason" | "error">>,
  ): Promise<void> {
    this.#waitsFor = null;
    this.#parts.observe.counters.recordings--;
    await this.#save({ state, ended: new Date().toISOString(), error: this.#lacks, ...change });
  }

  /** Changes the record, in memory also if it cannot be stored. */
  async #save(change: Partial<RecordingRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change, streams: [...this.#streams].sort() };
    const { directory, observe } = this.#parts;
    try {
      await directory.save(this.#record);
    } catch (error) {
      observe.logger.error(
        { err: error, recording: this.#record.name },
        "the record of a recording cannot be stored",
      );
    }
  }
}

/** Longest time of a timer. */
const MOST_TIMER_MS = 2 ** 31 - 1;

const MORE_STREAMS = "the pattern selects more than MAX_STREAMS streams; further ones are not recorded";
