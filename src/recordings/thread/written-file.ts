/** A file that the thread writes: from batches of entries to bytes, on a disk or for a client. */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { Gap } from "../../domain/streams/entry.ts";
import { EntryWriter } from "../../wire/mcap/entry-writer.ts";
import { type Compression, McapWriter } from "../../wire/mcap/mcap-writer.ts";
import { nativeChecksum } from "../compression.ts";
import { type EntryBatch, unpackEntries } from "../entry-batch.ts";
import { freeMemory } from "./free-memory.ts";
import type { FileOptions } from "./messages.ts";

/** Size of a chunk before compression. */
export const CHUNK_BYTES = 4 * 1024 * 1024;
/** Longest time in ms that entries wait in an open chunk. A process that is killed loses them from its file. */
const CHUNK_MS = 5000;
/**
 * Chunks that were filled slowly are written in parts with rests between them: copying 4 MiB to the kernel takes some
 * milliseconds, in which the processor serves no client. Chunks at full speed, which take about 10 ms to fill, are not delayed.
 */
const SLOW_MS = 50;
const PART_BYTES = 256 * 1024;
const REST_MS = 0.5;
/** Never changes: waiting for it is a rest. */
const unchanged = new Int32Array(new SharedArrayBuffer(4));

/** Receives the bytes of a file. */
interface Output {
  /** Rest in ms between the parts of a large write; 0 for none. */
  restMs: number;
  /** @param isReused the bytes are valid until it returns only; else nothing else uses them */
  write(bytes: Uint8Array, isReused: boolean): void;
  close(): void;
}

/** One file. All methods throw if it cannot be written. */
export class WrittenFile {
  readonly #output: Output;
  readonly #file: McapWriter;
  readonly #entries: EntryWriter;
  /** Time of the first entry of the open chunk; undefined if it is empty. */
  #chunkSince: number | undefined;

  /** Creates the file. @param send receives the bytes of a file without a path */
  constructor({ library, path, notes = {} }: FileOptions, compression: Compression, send: Output["write"]) {
    this.#output =
      path === undefined ? { write: send, close: () => undefined, restMs: 0 } : new DiskOutput(path);
    this.#file = new McapWriter({
      library,
      compression,
      checksum: nativeChecksum,
      onBytes: (bytes, isReused) => this.#output.write(bytes, isReused),
      onUnused: freeMemory,
    });
    this.#entries = new EntryWriter(this.#file);
    this.#entries.addNotes(notes);
  }

  /** Size of the file so far, with its open chunk. */
  get size(): number {
    return this.#file.bytes + this.#file.chunkBytes;
  }

  describe(key: string, meta: string | undefined): void {
    this.#entries.describe(key, meta);
  }

  addUnread(key: string, reason: string): void {
    this.#entries.addUnread(key, reason);
  }

  /** Adds entries. The batch is not needed afterwards. */
  add(batch: EntryBatch): void {
    for (const [key, entry] of unpackEntries(batch)) {
      this.#entries.add(key, entry);
      this.#chunkSince ??= performance.now();
      if (this.#file.chunkBytes >= CHUNK_BYTES) this.#closeChunk();
    }
  }

  addGap(gap: Gap): void {
    this.#entries.addGap(gap);
  }

  /** Closes a chunk that has been open for long enough. */
  closeOldChunk(): void {
    if (this.#chunkSince !== undefined && performance.now() - this.#chunkSince >= CHUNK_MS)
      this.#closeChunk();
  }

  /** Writes the end of the file, and closes it. */
  end(): void {
    this.#file.end();
    this.#output.close();
  }

  /** Closes the file as it is. */
  abort(): void {
    this.#file.free();
    this.#output.close();
  }

  #closeChunk(): void {
    const filledMs = performance.now() - (this.#chunkSince ?? 0);
    this.#chunkSince = undefined;
    this.#output.restMs = filledMs >= SLOW_MS ? REST_MS : 0;
    this.#file.closeChunk();
    this.#output.restMs = 0;
  }
}

/** A file on the disk. After an error it ends with its last whole chunk; `recoverFile` removes a chunk that is cut off. */
class DiskOutput implements Output {
  restMs = 0;
  readonly #fd: number;
  #position = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#fd = openSync(path, "wx", 0o640);
  }

  write(bytes: Uint8Array, isReused: boolean): void {
    try {
      for (let written = 0; written < bytes.length; ) {
        if (written > 0 && this.restMs > 0) Atomics.wait(unchanged, 0, 0, this.restMs);
        const part = Math.min(PART_BYTES, bytes.length - written);
        written += writeSync(this.#fd, bytes, written, part, this.#position + written);
      }
    } catch (error) {
      ftruncateSync(this.#fd, this.#position);
      throw error;
    }
    this.#position += bytes.length;
    if (!isReused) freeMemory(bytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      fdatasyncSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
  }
}
