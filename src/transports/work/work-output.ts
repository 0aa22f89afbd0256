/** Messages to one worker over a WebSocket. Long ones are encoded in slices, and those after them wait. */

import { createFifo } from "../../domain/fifo.ts";
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { bytesOf } from "../../domain/streams/entry.ts";
import type { ReadMemory } from "../../live/memory/read-memory.ts";
import type { Delivered } from "../../redis/groups/commands/group-commands.ts";
import { type CleanFormatName, cleanFormat } from "../../wire/formats.ts";
import type { Pieces } from "../../wire/pieces.ts";
import { isLongWork, type WorkNotice } from "../../wire/work/work.ts";
import { type ByteSink, JOIN_BELOW_BYTES } from "../response/byte-sink.ts";
import { createFrameWriter } from "../websocket-protocol/frames/frame-writer.ts";

/** Bytes of a message besides its payloads. */
const HEAD_BYTES = 64;
/** Payload bytes after which another message begins, so that clients can handle the first ones meanwhile. */
const MESSAGE_BYTES = 256 * 1024;

/** Options of an output. */
export interface WorkOutputOptions {
  readonly format: CleanFormatName;
  readonly sink: ByteSink;
  readonly slices: WorkSlices;
  readonly memory: ReadMemory;
  /** More can be sent: everything is encoded, and the sink is not full. */
  readonly onRoom: () => void;
}

/** Entries that wait to be encoded. */
interface Waiting {
  readonly stream: string;
  readonly entries: readonly Delivered[];
  /** Ends their reservation of memory. */
  readonly free: () => void;
}

/** Output of a worker's connection. */
export class WorkOutput {
  readonly #options: WorkOutputOptions;
  readonly #waiting = createFifo<Waiting>();
  #isEncoding = false;
  #isClosed = false;

  constructor(options: WorkOutputOptions) {
    this.#options = options;
  }

  /** Whether entries may be sent now. */
  canSend(): boolean {
    return !this.#isEncoding && !this.#options.sink.isFull();
  }

  /**
   * Sends the entries of a stream at once, with the notices before them: a reply of Redis can contain the entries of many workers, and
   * the first ones can process theirs meanwhile.
   */
  send(stream: string, entries: readonly Delivered[]): void {
    const { sink } = this.#options;
    for (const part of partsOf(entries)) {
      const free = this.#options.memory.hold(bytesOf(part.map(({ entry }) => entry)));
      if (this.#isEncoding || isLongWork(part)) this.#waiting.add({ stream, entries: part, free });
      else {
        this.#write(runAtOnce(cleanFormat(this.#options.format).encodeWorkSteps(stream, part)));
        free();
      }
    }
    if (this.#waiting.size > 0) void this.#encodeWaiting();
    else if (sink.isFull()) this.#resume();
    sink.flush();
  }

  /** Sends a notice. It may overtake entries that are being encoded. */
  notify(notice: WorkNotice): void {
    if (this.#isClosed) return;
    const { format, sink } = this.#options;
    const message = cleanFormat(format).encodeWorkNotice(notice);
    const out = createFrameWriter(HEAD_BYTES + 3 * message.length);
    if (typeof message === "string") out.text(message);
    else out.binary([message]);
    sink.write(out.take());
    if (sink.isFull()) this.#resume();
  }

  /** Ends encoding. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.takeAll();
    this.#options.memory.release();
  }

  async #encodeWaiting(): Promise<void> {
    if (this.#isEncoding) return;
    this.#isEncoding = true;
    const { format, slices } = this.#options;
    for (let next = this.#waiting.take(); next !== undefined; next = this.#waiting.take()) {
      const steps = cleanFormat(format).encodeWorkSteps(next.stream, next.entries);
      const pieces = await slices.runWhileNeeded(steps, () => !this.#isClosed);
      if (pieces === undefined || this.#isClosed) return;
      this.#write(pieces);
      next.free();
    }
    this.#isEncoding = false;
    this.#resume();
  }

  #write(pieces: Pieces): void {
    const { format, sink } = this.#options;
    const out = createFrameWriter(
      HEAD_BYTES + pieces.reduce((sum, { length }) => sum + (length < JOIN_BELOW_BYTES ? length : 0), 0),
    );
    if (cleanFormat(format).isBinary) out.binary(pieces);
    else out.textBytes(pieces);
    sink.write(out.take());
  }

  #resume(): void {
    const { sink, onRoom } = this.#options;
    if (sink.isFull()) sink.whenDrained(onRoom);
    else onRoom();
  }
}

/** Splits entries into messages. */
function* partsOf(entries: readonly Delivered[]): Generator<readonly Delivered[]> {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    bytes += entries[i]?.entry.data.length ?? 0;
    if (bytes < MESSAGE_BYTES && i < entries.length - 1) continue;
    yield entries.slice(from, i + 1);
    from = i + 1;
    bytes = 0;
  }
}
