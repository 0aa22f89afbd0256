/**
 * Byte sink of a socket or an HTTP response. It batches all writes of one event-loop turn into one system call, which
 * determines the throughput. Small chunks are copied into one buffer; large ones are passed on without a copy.
 */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { Sink } from "../../live/sink.ts";
import { type FaultParts, faultOf } from "../../observe/faults.ts";
import type { Chunks } from "./memory/chunks.ts";
import { createUnreadMemory, type UnreadMemory } from "./memory/unread-memory.ts";

/** Destination of bytes. Node's sockets and HTTP responses have this shape. */
export interface ByteStream {
  write(chunk: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
  readonly writableLength: number;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  destroy(): unknown;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/** Queue of tasks that run at the end of the current event-loop turn, with one `setImmediate` for all. */
export interface TurnEnd {
  /**
   * @param task runs once, after the event that is being handled
   * @param fail ends the client of the task because of an exception; absent if the task throws none. Other tasks run anyway
   */
  add(task: () => void, fail?: (error: GatewayError) => void): void;
  /** As `add`, without a function for each task. */
  addWriter(writer: TurnWriter): void;
}

/** A writer whose task is to flush. */
export interface TurnWriter {
  flush(): void;
  /** Ends the client because of an exception. */
  fail(error: GatewayError): void;
}

/** Creates a task queue. */
export function createTurnEnd(parts: FaultParts): TurnEnd {
  let tasks: TurnWriter[] = [];
  const run = () => {
    const due = tasks;
    tasks = [];
    for (const task of due) {
      try {
        task.flush();
      } catch (exception) {
        task.fail(faultOf(exception, "writer", parts));
      }
    }
  };
  function addWriter(writer: TurnWriter): void {
    if (tasks.length === 0) setImmediate(run);
    tasks.push(writer);
  }
  return {
    add: (task, fail = ignore) => addWriter({ flush: task, fail }),
    addWriter,
  };
}

const ignore = () => undefined;

/** Options of a byte sink. */
export interface ByteSinkOptions {
  readonly stream: ByteStream;
  /** Unsent bytes at which the sink is full. */
  readonly highWaterBytes: number;
  readonly turnEnd: TurnEnd;
  /** Called with the number of bytes of each write. */
  onBytes(bytes: number): void;
  /** Opens a memory lease for bytes that the client has not read. */
  openLease(): MemoryLease;
}

/**
 * Chunks of this size (bytes) or more are written immediately. For them a system call costs little, and a payload that is
 * written to all of its readers in a row stays in the CPU cache.
 */
const AT_ONCE_FROM_BYTES = 64 * 1024;

/** Chunks below this size (bytes) are joined: above it, another I/O vector is cheaper than a copy. */
export const JOIN_BELOW_BYTES = 8 * 1024;

/** A sink with more unread bytes than this is full as soon as the memory budget is exhausted. */
const FULL_WITHOUT_MEMORY_BYTES = 64 * 1024;

/** A sink of chunks. */
export interface ChunksSink extends Sink<Chunks> {
  /** @param next chunks that leave in the same system call */
  write(chunks: Chunks, next?: Chunks): void;
  /** Whether the stream has taken everything, so that nothing uses the written chunks. */
  isEmpty(): boolean;
}

/** A sink that can be flushed, for example before its stream is closed. */
export interface ByteSink extends ChunksSink {
  flush(): void;
}

/** Creates the sink of one socket or response. */
export const createByteSink = (options: ByteSinkOptions): ByteSink => new StreamSink(options);

/** Sink of one stream. Has no functions of its own while it is idle: there is one for each reader. */
class StreamSink implements ByteSink {
  readonly #options: ByteSinkOptions;
  readonly #stream: ByteStream;
  /** Created when a write is not accepted immediately. */
  #unread: UnreadMemory | undefined;
  /** Chunks of this turn; undefined if there are none. */
  #pending: Chunks[] | undefined;
  #pendingBytes = 0;
  #drained: (() => void) | undefined;
  #listensToDrain = false;

  constructor(options: ByteSinkOptions) {
    this.#options = options;
    this.#stream = options.stream;
  }

  write(chunks: Chunks, next?: Chunks): void {
    if (this.#pending === undefined) {
      this.#pending = [];
      this.#options.turnEnd.addWriter(this);
    }
    this.#pending.push(chunks);
    this.#pendingBytes += chunks.bytes;
    if (next !== undefined) {
      this.#pending.push(next);
      this.#pendingBytes += next.bytes;
    }
    if (chunks.bytes >= AT_ONCE_FROM_BYTES) this.flush();
  }

  flush(): void {
    const written = this.#pending;
    if (written === undefined) return;
    const stream = this.#stream;
    const [only] = written;
    const parts = written.length === 1 && only ? only.parts : joinSmall(written);
    this.#pending = undefined;
    this.#options.onBytes(this.#pendingBytes);
    this.#pendingBytes = 0;
    if (stream.destroyed || stream.writableEnded) return;
    const wantsMore = writeAll(stream, parts);
    if (!wantsMore) this.#listenToDrain();
    // If no "drain" follows, at most a few kilobytes are unsent.
    const left = wantsMore ? 0 : stream.writableLength;
    if (left > 0) this.#holdUnread(left, written);
    else this.#unread?.clear();
    // Otherwise the stream emits "drain", because the write exceeded its own high-water mark.
    if (!wantsMore) return;
    if (this.#drained !== undefined) setImmediate(() => this.#notify());
  }

  isEmpty(): boolean {
    return this.#pendingBytes === 0 && this.#stream.writableLength === 0;
  }

  isFull(): boolean {
    const bytes = this.#pendingBytes + this.#stream.writableLength;
    if (bytes > this.#options.highWaterBytes) return true;
    return bytes > FULL_WITHOUT_MEMORY_BYTES && this.#unread?.isOver() === true;
  }

  whenDrained(callback: () => void): void {
    this.#drained = callback;
    // Full by what others have written to the stream.
    if (this.#stream.writableLength > 0) this.#listenToDrain();
  }

  /** Ends the client, which would miss bytes. */
  fail(): void {
    this.#stream.destroy();
  }

  /** Called when a write is not accepted immediately, or bytes of others wait: otherwise no "drain" follows. */
  #listenToDrain(): void {
    if (this.#listensToDrain) return;
    this.#listensToDrain = true;
    this.#stream.on("drain", () => this.#notify());
  }

  #notify(): void {
    this.#unread?.clear();
    const callback = this.#drained;
    if (callback === undefined || this.#pendingBytes > 0) return;
    this.#drained = undefined;
    callback();
  }

  #holdUnread(bytes: number, written: readonly Chunks[]): void {
    if (this.#unread === undefined) {
      this.#unread = createUnreadMemory(() => this.#options.openLease());
      this.#stream.on("close", this.#unread.clear);
    }
    this.#unread.hold(bytes, written);
  }
}

function writeAll(stream: ByteStream, parts: readonly Uint8Array[]): boolean {
  const [first] = parts;
  if (first === undefined) return true;
  if (parts.length === 1) return stream.write(first);
  let wantsMore = true;
  stream.cork();
  for (const part of parts) wantsMore = stream.write(part);
  stream.uncork();
  return wantsMore;
}

/** Returns the parts of chunks, with adjacent small ones joined. */
export function joinSmall(all: readonly Chunks[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const endRun = () => {
    const [first] = run;
    if (first !== undefined) joined.push(run.length === 1 ? first : Buffer.concat(run));
    run = [];
  };
  for (const { parts } of all)
    for (const part of parts) {
      if (part.length < JOIN_BELOW_BYTES) run.push(part);
      else {
        endRun();
        joined.push(part);
      }
    }
  endRun();
  return joined;
}
