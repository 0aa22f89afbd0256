/** Contents of a recording: its files, streams and gaps, and the record of them on the disk. */
import type { Gap } from "../../domain/streams/entry.ts";
import { type EntryId, isoTime } from "../../domain/streams/entry-id.ts";
import type { RecordingsDirectory } from "../../recordings/directory.ts";
import type { RecordingRecord } from "../../recordings/recording-record.ts";
import { type FileStatus, MAX_GAPS, type RecordingStatus } from "../../recordings/recording-status.ts";
import type { FileOptions } from "../../recordings/thread/messages.ts";
import type { TransportParts } from "../parts.ts";
import { type CompletedFile, completeFile } from "./complete-file.ts";
import { changingBytesOf } from "./list/status-bytes.ts";
import { maxNamesBytes, nameBytes } from "./names-bytes.ts";
import type { Recorder } from "./recorder/recorder.ts";

/** Dependencies of the contents. */
export interface ContentsParts extends Pick<TransportParts, "observe" | "config"> {
  readonly directory: RecordingsDirectory;
}

/** The last file, while it is being recorded. */
interface OpenFile {
  readonly recorder: Pick<Recorder, "progress" | "isSlowed">;
  bytes: number;
  gaps: number;
}

/** Contents of one recording while it is written. */
export class RecordingContents {
  readonly #parts: ContentsParts;
  #record: RecordingRecord;
  readonly #streams = new Set<string>();
  /** Size of their names as JSON. */
  #namesBytes = 0;
  /** Size of the request as JSON. */
  readonly #requestBytes: number;
  #newestGaps: readonly Gap[] = [];
  /** Resolves when the record that was stored last is on the disk. */
  #stored: Promise<void> = Promise.resolve();
  #open: OpenFile | undefined;

  constructor(record: RecordingRecord, parts: ContentsParts) {
    this.#record = record;
    this.#parts = parts;
    for (const key of record.streams) this.#putStream(key);
    this.#requestBytes = JSON.stringify(record.request).length;
  }

  get record(): RecordingRecord {
    return this.#record;
  }

  /** Size of all files. */
  get bytes(): number {
    return sumOf(this.#files(), "bytes");
  }

  /** Approximate size of the status in bytes. */
  get statusBytes(): number {
    const { files, playback = null } = this.#record;
    const fixedBytes = this.#requestBytes + this.#namesBytes;
    return fixedBytes + changingBytesOf({ files, playback, newestGaps: this.#newestGaps });
  }

  /** Returns the status of the recording. @param problem why it does not record, or not all streams */
  status(problem: string | null): RecordingStatus {
    const { name, state, reason, error, started, ended, request, owner } = this.#record;
    const files = this.#files();
    const times = (pick: "from" | "to") => files.flatMap((file) => file[pick] ?? []).sort();
    return {
      ...{ name, state, reason, started, ended, request, owner: owner.name },
      error: error ?? problem,
      slowed: this.#open?.recorder.isSlowed === true,
      bytes: sumOf(files, "bytes"),
      entries: sumOf(files, "entries"),
      from: times("from")[0] ?? null,
      to: times("to").at(-1) ?? null,
      streams: [...this.#streams].sort(),
      streamsTotal: this.#streams.size,
      gaps: sumOf(files, "gaps"),
      newestGaps: this.#newestGaps,
      files,
      playback: this.#record.playback ?? null,
    };
  }

  /** Adds an empty file to the record. @param library name and version of the program @returns how it is written */
  async addFile(library: string): Promise<FileOptions> {
    const { directory } = this.#parts;
    const { name, files, request } = this.#record;
    const file = await directory.freeFileName(name, files.length + 1);
    const empty: FileStatus = {
      ...{ file, state: "recording", bytes: 0, entries: 0 },
      ...{ from: null, to: null, gaps: 0 },
    };
    await this.save({ files: [...files, empty] });
    const { compression, notes = {} } = request;
    return { library, compression, notes, path: directory.pathOf(file) };
  }

  /** Takes the progress of the last file from its recorder, until it is closed. */
  follow(recorder: OpenFile["recorder"]): void {
    this.#open = { recorder, bytes: 0, gaps: 0 };
  }

  /** Adds a stream, unless the names of all streams would be too long. @returns whether it is recorded */
  addStream(key: string): boolean {
    const isAllowed =
      this.#streams.has(key) || this.#namesBytes + nameBytes(key) <= maxNamesBytes(this.#parts.config);
    if (isAllowed) this.#putStream(key);
    return isAllowed;
  }

  #putStream(key: string): void {
    if (this.#streams.has(key)) return;
    this.#streams.add(key);
    this.#namesBytes += nameBytes(key);
  }

  addGap(gap: Gap): void {
    if (this.#open !== undefined) this.#open.gaps++;
    this.#addGaps([gap]);
  }

  /** Sets the size of the open file. */
  grow(size: number): void {
    if (this.#open !== undefined) this.#open.bytes = size;
  }

  /** Call when the open file is complete, or has failed. */
  closeFile(): void {
    const last = this.#files().at(-1);
    this.#open = undefined;
    if (last !== undefined) this.#replaceLast({ ...last, state: "finished" });
  }

  /** Completes the last file after a failure. */
  async completeLast(): Promise<void> {
    const last = this.#record.files.at(-1);
    if (last === undefined || last.state === "interrupted") return;
    this.#replaceLast((await this.#complete(last, "finished")).status);
  }

  /** Completes the files that an earlier gateway left. @returns the last id of each stream, over all files */
  async completeAll(): Promise<ReadonlyMap<string, EntryId>> {
    const lastIds = new Map<string, EntryId>();
    const files: FileStatus[] = [];
    for (const file of this.#record.files) {
      const isWhole = file.state === "finished" || file.state === "interrupted";
      const { status, facts } = await this.#complete(file, isWhole ? file.state : "interrupted");
      files.push(status);
      for (const [key, id] of facts?.lastIds ?? []) {
        lastIds.set(key, id);
        this.#putStream(key);
      }
      this.#addGaps(facts?.gaps ?? []);
    }
    await this.save({ files });
    return lastIds;
  }

  /** Changes the record, in memory also if it cannot be stored. */
  async save(change: Partial<RecordingRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change, streams: [...this.#streams].sort() };
    // One at a time: a playback may end while the recording is completed.
    this.#stored = this.#stored.then(() => this.#store());
    await this.#stored;
  }

  async #store(): Promise<void> {
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

  /** Returns the files, the last one with its progress. */
  #files(): readonly FileStatus[] {
    const { files } = this.#record;
    const last = files.at(-1);
    if (this.#open === undefined || last === undefined) return files;
    const { recorder, bytes, gaps } = this.#open;
    const { entries, fromMs, toMs } = recorder.progress;
    return [
      ...files.slice(0, -1),
      { ...last, bytes, entries, gaps, from: isoTime(fromMs), to: isoTime(toMs) },
    ];
  }

  #replaceLast(file: FileStatus): void {
    this.#record = { ...this.#record, files: [...this.#record.files.slice(0, -1), file] };
  }

  #addGaps(gaps: readonly Gap[]): void {
    this.#newestGaps = [...this.#newestGaps, ...gaps].slice(-MAX_GAPS);
  }

  #complete(file: FileStatus, state: FileStatus["state"]): Promise<CompletedFile> {
    const { directory, observe } = this.#parts;
    return completeFile(file, state, directory, observe.logger);
  }
}

const sumOf = (files: readonly FileStatus[], of: "bytes" | "entries" | "gaps"): number =>
  files.reduce((sum, file) => sum + file[of], 0);
