/** The recordings of a gateway: those in progress, and those on the disk. */
import type { Owner } from "../../access/owner.ts";
import { badParameter, GatewayError } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";
import { faultOf } from "../../observe/faults.ts";
import { fileNameOf, isRecordingName, NAME_RULE, RecordingsDirectory } from "../../recordings/directory.ts";
import { interrupted, type PlaybackChange, type PlaybackRequest } from "../../recordings/playback-status.ts";
import type { RecordingOwner, RecordingRecord } from "../../recordings/recording-record.ts";
import type { RecordingRequest, RecordingStatus } from "../../recordings/recording-status.ts";
import { FileThread } from "../../recordings/thread/file-thread.ts";
import type { TransportParts } from "../parts.ts";
import { SharedRoom } from "../request/file-metas.ts";
import { checkRoom } from "./check-room.ts";
import { DirectoryAccess, unavailable } from "./directory-access.ts";
import { pageBytesOf, pageOf, type RecordingPage } from "./list/pages.ts";
import { MetadataChanges } from "./metadata-changes.ts";
import { checkNames } from "./names-bytes.ts";
import { Playbacks } from "./play/playbacks.ts";
import { closeRecorded, openRecorded } from "./recorded-streams.ts";
import { Recording, type RecordingParts } from "./recording.ts";

/**
 * Maximum size of the metadata of all files that are being written, in bytes; each file may have a small part in addition. The
 * thread that writes them needs six times as much, because channels and the end of the file repeat it.
 */
const META_BYTES = 8 * 1024 * 1024;

/** Operations on recordings. Permissions are checked before. All arguments and results can be encoded as JSON. */
export interface Recordings {
  /** Returns a page of the list. @param after name before its first recording; empty for the first page */
  page(after: string): Promise<RecordingPage>;
  /** Returns the approximate size of the first page in bytes, at most that of a full one. */
  pageBytes(): Promise<number>;
  /** @returns undefined if there is none of this name */
  get(name: string): Promise<RecordingStatus | undefined>;
  /** Starts a recording. @throws GatewayError */
  create(name: string, request: RecordingRequest, owner: RecordingOwner): Promise<RecordingStatus>;
  /** Stops a recording. @returns undefined if there is none of this name */
  stop(name: string): Promise<RecordingStatus | undefined>;
  /** Deletes a recording, and stops it before. @returns whether there was one */
  remove(name: string): Promise<boolean>;
  /** Plays a recording. @returns undefined if there is none of this name @throws GatewayError */
  play(name: string, request: PlaybackRequest, owner: Owner): Promise<RecordingStatus | undefined>;
  /** Changes the playback of a recording. @returns undefined if there is none of this name @throws GatewayError NOT_FOUND */
  changePlayback(name: string, change: PlaybackChange): Promise<RecordingStatus | undefined>;
}

/** Settings of recordings. */
export interface RecordingsOptions {
  readonly directory: string;
  /** Maximum number of recordings in progress. */
  readonly max: number;
  /** Maximum number of playbacks at a time. */
  readonly maxPlaybacks: number;
}

/** The recordings of this process. */
export class OwnRecordings implements Recordings {
  readonly #parts: RecordingParts;
  readonly #max: number;
  readonly #recordings = new Map<string, Recording>();
  readonly #playbacks: Playbacks;
  /** Recordings that are being removed, by name. */
  readonly #removals = new Map<string, Promise<void>>();
  /** The recordings on the disk have been found. */
  #started: Promise<void> = Promise.resolve();
  /** Why they could not be found; they are searched again. */
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosing = false;
  readonly #access: DirectoryAccess;
  readonly #metadataChanges: MetadataChanges;

  constructor(parts: TransportParts, { directory, max, maxPlaybacks }: RecordingsOptions) {
    const thread = new FileThread((exception) => void faultOf(exception, "recording", parts.observe));
    this.#parts = {
      ...{ ...parts, directory: new RecordingsDirectory(directory), thread },
      metaRoom: new SharedRoom(META_BYTES),
      readMetas: (keys) => this.#metadataChanges.read(keys),
    };
    this.#access = new DirectoryAccess(this.#parts.directory, parts.observe);
    this.#max = max;
    this.#playbacks = new Playbacks(this.#parts, maxPlaybacks);
    this.#metadataChanges = new MetadataChanges(parts, {
      onMeta: (key, meta) => {
        for (const recording of this.#recordings.values()) recording.metaChanged(key, meta);
      },
      admit: (bytes, key) =>
        [...this.#recordings.values()].some((recording) => recording.admitsMeta(key, bytes)),
      isRecorded: (key) => [...this.#recordings.values()].some((recording) => recording.records(key)),
      recordedKeys: () => [
        ...new Set(
          [...this.#recordings.values()]
            .filter(({ isRecording }) => isRecording)
            .flatMap((recording) => recording.status().streams),
        ),
      ],
    });
  }

  /** Finds the recordings on the disk, and continues those of an earlier gateway, which may still be about to end. */
  start(): void {
    this.#started = this.#find();
  }

  async #find(): Promise<void> {
    const { directory, observe } = this.#parts;
    try {
      const records = await directory.readAll((file, error) =>
        observe.logger.warn({ err: error, file }, "a file of RECORDINGS_DIR is ignored"),
      );
      if (records.length > 0) await this.#access.open();
      this.#problem = undefined;
      this.#take(records);
    } catch (error) {
      const { message } = error as Error;
      if (this.#problem !== message)
        observe.logger.error(
          { err: error, directory: directory.path },
          "recordings are unavailable: RECORDINGS_DIR cannot be used",
        );
      this.#problem = message;
      if (!this.#isClosing) this.#retry = setTimeout(() => void this.#find(), RETRY_MS).unref();
    }
  }

  #take(records: readonly RecordingRecord[]): void {
    for (const { playback, ...record } of records)
      this.#recordings.set(
        record.name,
        new Recording({ ...record, ...(playback && { playback: interrupted(playback) }) }, this.#parts),
      );
    for (const recording of [...this.#recordings.values()])
      void (recording.isRecording ? recording.resume() : recording.repair());
    if (records.length > 0) void this.#metadataChanges.start();
  }

  async page(after: string): Promise<RecordingPage> {
    await this.#started;
    return pageOf(this.#recordings, after, (recording) => this.#playbacks.withStatus(recording.status()));
  }

  async pageBytes(): Promise<number> {
    await this.#started;
    return pageBytesOf(this.#recordings.values());
  }

  async get(name: string): Promise<RecordingStatus | undefined> {
    await this.#started;
    const recording = this.#recordings.get(name);
    return recording && this.#playbacks.withStatus(recording.status());
  }

  async create(name: string, request: RecordingRequest, owner: RecordingOwner): Promise<RecordingStatus> {
    if (!isRecordingName(name)) throw badParameter("name", `${NAME_RULE}, got ${shown(name)}`);
    await this.#started;
    if (this.#problem !== undefined) throw unavailable(this.#problem);
    this.#checkRoom(name, owner);
    await this.#access.use(() => this.#access.open());
    const opened = await openRecorded(request, owner, this.#parts);
    try {
      checkNames(opened.streams, this.#parts.config);
    } catch (error) {
      closeRecorded(opened);
      throw error;
    }
    const record: RecordingRecord = {
      ...{ version: 1, name, state: "recording", reason: null, error: null, request, owner },
      ...{ started: new Date().toISOString(), ended: null, files: [] },
      startCursors: Object.fromEntries(opened.streams.map(({ key, cursor }) => [key, cursor])),
      streams: opened.streams.map(({ key }) => key),
    };
    const { directory } = this.#parts;
    // A file without a record, such as a copy from elsewhere.
    if ((await directory.freeFileName(name, 1)) !== fileNameOf(name, 1)) {
      closeRecorded(opened);
      throw new GatewayError("RECORDING_EXISTS", `there is already a file ${fileNameOf(name, 1)}`);
    }
    const recording = new Recording(record, this.#parts);
    try {
      // Another request may have been faster.
      this.#checkRoom(name, owner);
      this.#recordings.set(name, recording);
      await this.#access.use(() => recording.begin(opened));
    } catch (error) {
      closeRecorded(opened);
      if (this.#recordings.get(name) === recording) this.#recordings.delete(name);
      throw error;
    }
    void this.#metadataChanges.start();
    this.#parts.observe.logger.info({ recording: name, owner: owner.name }, "a recording started");
    return recording.status();
  }

  async stop(name: string): Promise<RecordingStatus | undefined> {
    await this.#started;
    const recording = this.#recordings.get(name);
    if (recording === undefined) return undefined;
    await recording.stop("request");
    return recording.status();
  }

  async play(name: string, request: PlaybackRequest, owner: Owner): Promise<RecordingStatus | undefined> {
    await this.#started;
    const recording = this.#recordings.get(name);
    // A playback that starts after the removal has stopped them could not be found any more.
    if (recording === undefined || this.#removals.has(name)) return undefined;
    await this.#playbacks.start(recording, request, owner);
    return this.#playbacks.withStatus(recording.status());
  }

  async changePlayback(name: string, change: PlaybackChange): Promise<RecordingStatus | undefined> {
    await this.#started;
    const recording = this.#recordings.get(name);
    if (recording === undefined) return undefined;
    await this.#playbacks.change(name, change);
    return this.#playbacks.withStatus(recording.status());
  }

  async remove(name: string): Promise<boolean> {
    await this.#started;
    const recording = this.#recordings.get(name);
    if (recording === undefined) return false;
    // Requests share a removal: a second one could remove a new recording of that name.
    const removal = this.#removals.get(name) ?? this.#remove(name, recording);
    this.#removals.set(name, removal);
    await removal;
    return true;
  }

  /** Ends the files. The next gateway continues the recordings. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#started;
    clearTimeout(this.#retry);
    this.#metadataChanges.close();
    await this.#playbacks.close();
    await Promise.all([...this.#recordings.values()].map((recording) => recording.close()));
    await this.#parts.thread.close();
    await this.#access.close();
  }

  async #remove(name: string, recording: Recording): Promise<void> {
    try {
      await recording.discard();
      await this.#playbacks.change(name, "stop");
      await this.#access.use(() => this.#parts.directory.remove(recording.record));
      this.#recordings.delete(name);
    } finally {
      this.#removals.delete(name);
    }
  }

  #checkRoom(name: string, owner: RecordingOwner): void {
    if (this.#recordings.has(name))
      throw new GatewayError("RECORDING_EXISTS", `there is already a recording named ${name}`);
    const running = [...this.#recordings.values()].filter(({ isRecording }) => isRecording);
    const owners = running.map(({ record }) => record.owner.name);
    checkRoom(owner, owners, this.#max);
  }
}

/** Time in ms before the directory is tried again. */
const RETRY_MS = 1000;
