/** Life cycle of a recording: it starts, continues in a further file after a restart, and stops. */
import { FIRST_ID } from "../../domain/streams/entry-id.ts";
import type { SubscribedStream } from "../../live/stream-state.ts";
import type { RecordingsDirectory } from "../../recordings/directory.ts";
import type { PlaybackStatus } from "../../recordings/playback-status.ts";
import type { RecordingRecord } from "../../recordings/recording-record.ts";
import type { RecordingStatus, StopReason } from "../../recordings/recording-status.ts";
import type { FileThread } from "../../recordings/thread/file-thread.ts";
import type { StoredValue } from "../../redis/registry/stored-values.ts";
import type { FileRoom } from "../request/file-metas.ts";
import { closeRecorded, openRecorded, type RecordedParts, type RecordedStreams } from "./recorded-streams.ts";
import { Recorder } from "./recorder/recorder.ts";
import { RecordingContents } from "./recording-contents.ts";
import { RecordingDeadline } from "./recording-deadline.ts";
import { failureMessage, retried } from "./recording-failures.ts";

/** Dependencies of a recording. */
export interface RecordingParts extends RecordedParts {
  readonly directory: RecordingsDirectory;
  readonly thread: FileThread;
  /** Reads the metadata of streams soon, for `metaChanged`. */
  readonly readMetas: (keys: readonly string[]) => void;
}

/** Recording in progress. */
export class Recording {
  readonly #parts: RecordingParts;
  readonly #contents: RecordingContents;
  #recorder: Recorder | undefined;
  /** Room of the open file for metadata. */
  #room: FileRoom | undefined;
  /** Why it does not record at the moment. */
  #waitsFor: string | null = null;
  /** Why it does not record all streams. */
  #lacks: string | null = null;
  #stopping: StopReason | undefined;
  readonly #deadline: RecordingDeadline;
  #isClosing = false;
  /** Resolves when `begin` or `resume` has opened a file, or has ended the recording. */
  #opened: Promise<void> = Promise.resolve();
  /** Resolves when the open file is closed. */
  #closed: Promise<void> = Promise.resolve();
  #markClosed: () => void = () => undefined;

  constructor(record: RecordingRecord, parts: RecordingParts) {
    this.#parts = parts;
    this.#contents = new RecordingContents(record, parts);
    this.#deadline = new RecordingDeadline(record, () => void this.stop("maxSeconds"));
  }

  get record(): RecordingRecord {
    return this.#contents.record;
  }

  get isRecording(): boolean {
    return this.record.state === "recording";
  }

  /** Approximate size of its status in bytes. */
  get statusBytes(): number {
    return this.#contents.statusBytes;
  }

  /** Returns its status. */
  status(): RecordingStatus {
    return this.#contents.status(this.#waitsFor ?? this.#lacks);
  }

  /** Stores the status of its playback. */
  setPlayback(playback: PlaybackStatus): Promise<void> {
    return this.#contents.save({ playback });
  }

  /** Starts the first file. @throws Error if it cannot be written */
  begin(opened: RecordedStreams): Promise<void> {
    return this.#opening(this.#begin(opened));
  }

  async #begin(opened: RecordedStreams): Promise<void> {
    await this.#parts.directory.save(this.record);
    this.#parts.observe.counters.recordings++;
    await this.#openFile(opened, (stream) => stream);
  }

  /**
   * Continues after the end of an earlier gateway: completes its file, and records into a further one, from the last id of each
   * stream.
   */
  resume(): Promise<void> {
    return this.#opening(this.#resume());
  }

  async #resume(): Promise<void> {
    this.#parts.observe.counters.recordings++;
    const lastIds = await this.#contents.completeAll();
    const { startCursors, request, owner } = this.record;
    if (this.#deadline.isOver) {
      await this.#end("stopped", { reason: "maxSeconds" });
      return;
    }
    const openFile = async () => {
      const opened = await openRecorded(request, owner, this.#parts);
      this.#waitsFor = null;
      await this.#openFile(opened, (stream) => ({
        ...stream,
        cursor: lastIds.get(stream.key) ?? startCursors[stream.key] ?? FIRST_ID,
        isAtEnd: false,
      }));
    };
    try {
      const isOpen = await retried(openFile, {
        isOver: () => this.#isClosing || !this.isRecording || this.#stopping !== undefined,
        onWait: (problem) => {
          this.#waitsFor = problem;
        },
      });
      if (isOpen) return;
    } catch (error) {
      await this.#fail(error as Error);
      return;
    }
    if (this.#stopping !== undefined) await this.#end("stopped", { reason: this.#stopping });
  }

  /** Completes the files of a recording that is over, if that was not possible before. */
  async repair(): Promise<void> {
    if (this.record.files.some(({ state }) => state === "damaged" || state === "recording"))
      await this.#contents.completeAll();
  }

  /** Stops it. Resolves when its file is complete. On request, the file has all entries up to the moment of the request. */
  async stop(reason: StopReason): Promise<void> {
    if (!this.isRecording) return;
    const isFirst = this.#stopping === undefined;
    this.#stopping ??= reason;
    await this.#opened;
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    if (isFirst) {
      // If Redis is unavailable, the file ends with the received entries.
      if (reason === "request") await recorder.catchUp().catch(() => undefined);
      recorder.stop();
    }
    await this.#closed;
  }

  /** Stops it at once, because it is deleted. It receives no further entries. */
  async discard(): Promise<void> {
    this.#stopping ??= "request";
    await this.#opened;
    await this.#endFile();
  }

  /** Ends the file, because the gateway stops. The next gateway continues the recording. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#deadline.cancel();
    await this.#endFile();
  }

  async #endFile(): Promise<void> {
    if (this.#recorder === undefined) return;
    this.#recorder.stop();
    await this.#closed;
  }

  #opening(done: Promise<void>): Promise<void> {
    this.#opened = done.catch(() => undefined);
    return done;
  }

  /** Whether its open file has a stream. */
  records(key: string): boolean {
    return this.#recorder?.has(key) === true;
  }

  /** Whether the changed metadata of a stream is to be read. @param bytes its size */
  admitsMeta(key: string, bytes: number): boolean {
    return this.#recorder?.admitsMeta(key, bytes) === true;
  }

  /** Call when the metadata of a stream has changed. */
  metaChanged(key: string, meta: StoredValue): void {
    this.#recorder?.metaChanged(key, meta);
  }

  async #openFile(
    opened: RecordedStreams,
    cursorOf: (stream: SubscribedStream) => SubscribedStream,
  ): Promise<void> {
    const { thread, config } = this.#parts;
    const options = await this.#contents.addFile(`redis-streamer ${config.version}`).catch((error) => {
      closeRecorded(opened);
      throw error;
    });
    this.#room = opened.room;
    this.#closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
    const recorder = new Recorder(
      thread,
      options,
      {
        onGrowth: (size) => this.#grown(size),
        onStream: (key) => {
          const isAdded = this.#contents.addStream(key);
          if (!isAdded) this.#lacks = LONG_NAMES;
          return isAdded;
        },
        onGap: (gap) => this.#contents.addGap(gap),
        onStarted: this.#parts.readMetas,
        onLimit: () => {
          this.#lacks = MORE_STREAMS;
        },
        onUnread: (problem) => {
          this.#lacks ??= `the files lack the metadata of a stream: ${problem}`;
        },
        onEnded: (size) => void this.#fileEnded(size),
        onFailed: (error) => void this.#fileFailed(error),
      },
      this.#parts,
      opened.room,
    );
    this.#recorder = recorder;
    this.#contents.follow(recorder);
    this.#deadline.start();
    recorder.start(opened, cursorOf);
    // It may have been stopped meanwhile.
    if (this.#stopping !== undefined || this.#isClosing) recorder.stop();
  }

  #grown(size: number): void {
    this.#contents.grow(size);
    const { maxBytes } = this.record.request;
    if (maxBytes !== undefined && this.#contents.bytes >= maxBytes) void this.stop("maxBytes");
  }

  /** The open file is complete: the recording stops, or the gateway does. */
  async #fileEnded(size: number): Promise<void> {
    this.#contents.grow(size);
    this.#closeFile();
    if (this.#isClosing && this.#stopping === undefined) await this.#contents.save({});
    else await this.#end("stopped", { reason: this.#stopping ?? "request" });
    this.#markClosed();
  }

  async #fileFailed(error: Error): Promise<void> {
    this.#closeFile();
    await this.#fail(error);
    this.#markClosed();
  }

  #closeFile(): void {
    this.#contents.closeFile();
    this.#recorder = undefined;
    this.#room?.close();
    this.#deadline.cancel();
  }

  /** Completes the last file, and ends the recording. */
  async #fail(error: Error): Promise<void> {
    const { observe } = this.#parts;
    observe.counters.recordingsFailed++;
    observe.logger.error({ err: error, recording: this.record.name }, "a recording failed");
    await this.#contents.completeLast();
    await this.#end("failed", { error: failureMessage(error) });
  }

  async #end(
    state: "stopped" | "failed",
    change: Partial<Pick<RecordingRecord, "reason" | "error">>,
  ): Promise<void> {
    this.#waitsFor = null;
    this.#parts.observe.counters.recordings--;
    await this.#contents.save({ state, ended: new Date().toISOString(), error: this.#lacks, ...change });
  }
}

const LONG_NAMES = "the names of the streams are too long together; further streams are not recorded";
const MORE_STREAMS = "the pattern selects more than MAX_STREAMS streams; further ones are not recorded";
