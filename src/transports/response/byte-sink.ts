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
}

/** Creates a task queue. */
export function createTurnEnd(parts: FaultParts): TurnEnd {
  let tasks: (() => void)[] = [];
  /** The `fail` of each task. */
  let failures: (((error: GatewayError) => void) | undefined)[] = [];
  const run = () => {
    const due = tasks;
    const dueFailures = failures;
    tasks = [];
    failures = [];
    for (let i = 0; i < due.length; i++) {
      try {
        due[i]?.();
      } catch (exception) {
        dueFailures[i]?.(faultOf(exception, "writer", parts));
      }
    }
  };
  return {
    add(task, fail) {
      if (tasks.length === 0) setImmediate(run);
      tasks.push(task);
      failures.push(fail);
    },
  };
}

/** Options of a byte sink. */
export interface ByteSinkOptions {
  readonly stream: ByteStream;
  /** Unsent bytes at which the sink is full. */
  readonly highWaterBytes: number;
  readonly turnEnd: TurnEnd;
  /** Called with the number of bytes of each write. */
  readonly onBytes: (bytes: number) => void;
  /** Opens a memory lease for bytes that the client has not read. */
  readonly openLease: () => MemoryLease;
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
export function createByteSink({
  stream,
  highWaterBytes,
  turnEnd,
  onBytes,
  openLease,
}: ByteSinkOptions): ByteSink {
  /** Created when a write is not accepted immediately. */
  let unread: UnreadMemory | undefined;
  let pending: Chunks[] = [];
  let pendingBytes = 0;
  let drained: (() => void) | undefined;

  stream.on("drain", notify);

  function notify(): void {
    unread?.clear();
    if (drained === undefined || pendingBytes > 0) return;
    const callback = drained;
    drained = undefined;
    callback();
  }

  function flush(): void {
    if (pending.length === 0) return;
    const [only] = pending;
    const parts = pending.length === 1 && only ? only.parts : joinSmall(pending);
    const written = pending;
    pending = [];
    onBytes(pendingBytes);
    pendingBytes = 0;
    if (stream.destroyed || stream.writableEnded) return;
    const wantsMore = writeAll(stream, parts);
    // If no "drain" follows, at most a few kilobytes are unsent.
    const left = wantsMore ? 0 : stream.writableLength;
    if (left > 0) holdUnread(left, written);
    else unread?.clear();
    // Otherwise the stream emits "drain", because the write exceeded its own high-water mark.
    if (!wantsMore) return;
    if (drained !== undefined) setImmediate(notify);
  }

  /** Ends the client, which would miss bytes. */
  function fail(): void {
    stream.destroy();
  }

  function holdUnread(bytes: number, written: readonly Chunks[]): void {
    if (unread === undefined) {
      const opened = createUnreadMemory(openLease);
      unread = opened;
      stream.on("close", opened.clear);
    }
    unread.hold(bytes, written);
  }

  function isFull(): boolean {
    const bytes = pendingBytes + stream.writableLength;
    if (bytes > highWaterBytes) return true;
    return bytes > FULL_WITHOUT_MEMORY_BYTES && unread?.isOver() === true;
  }

  return {
    flush,
    write(chunks, next) {
      if (pending.length === 0) turnEnd.add(flush, fail);
      pending.push(chunks);
      pendingBytes += chunks.bytes;
      if (next !== undefined) {
        pending.push(next);
        pendingBytes += next.bytes;
      }
      if (chunks.bytes >= AT_ONCE_FROM_BYTES) flush();
    },
    isEmpty: () => pendingBytes === 0 && stream.writableLength === 0,
    isFull,
    whenDrained(callback) {
      drained = callback;
    },
  };
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
