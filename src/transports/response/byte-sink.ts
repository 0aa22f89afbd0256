/**
 * The sink for anything that bytes are written to, a socket or an HTTP response: what is written in one turn of the
 * event loop goes out in one write, which is where the speed is. Small chunks are joined by a copy; large ones are not
 * copied, but leave in the same system call.
 */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { Sink } from "../../live/sink.ts";
import { createUnreadMemory, type UnreadMemory } from "./unread-memory.ts";

/** Bytes to be sent in order, and how many they are. */
export interface Chunks {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/** What is written to. Node's sockets and HTTP responses have this shape. */
export interface ByteStream {
  write(chunk: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
  readonly writableLength: number;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
}

/** Runs what is left to do at the end of this turn of the event loop, once for everybody. */
export interface TurnEnd {
  /** @param task run once, after whatever is being handled now */
  add(task: () => void): void;
}

/** Makes the end of turns. */
export function createTurnEnd(): TurnEnd {
  let tasks: (() => void)[] = [];
  const run = () => {
    const due = tasks;
    tasks = [];
    for (const task of due) task();
  };
  return {
    add(task) {
      if (tasks.length === 0) setImmediate(run);
      tasks.push(task);
    },
  };
}

/** What a byte sink needs. */
export interface ByteSinkOptions {
  readonly stream: ByteStream;
  /** Unsent bytes at which the sink is full. */
  readonly highWaterBytes: number;
  readonly turnEnd: TurnEnd;
  /** Told of bytes as they are handed over. */
  readonly onBytes: (bytes: number) => void;
  /** Opens a lease on memory of bytes that the client has not read. */
  readonly openLease: () => MemoryLease;
}

/**
 * Chunks from this size (bytes) on are written at once. Beside their copying a system call costs little, and one large
 * payload written to all its readers in turn is still in the processor's cache, which several of them are not.
 */
const AT_ONCE_FROM_BYTES = 64 * 1024;

/** Chunks below this size (bytes) are joined: the crossover, where a copy costs as much as a further vector. */
export const JOIN_BELOW_BYTES = 8 * 1024;

/** A sink with so many unread bytes (or more) is full as soon as the memory budget is used up. */
const FULL_WITHOUT_MEMORY_BYTES = 64 * 1024;

/** A sink that can be told to send now, before its stream is closed. */
export interface ByteSink extends Sink<Chunks> {
  flush(): void;
}

/** Makes the sink of one stream. */
export function createByteSink({
  stream,
  highWaterBytes,
  turnEnd,
  onBytes,
  openLease,
}: ByteSinkOptions): ByteSink {
  /** Made when the client does not take a write at once. */
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
    const parts =
      pending.length === 1 && only ? only.parts : joinSmall(pending.flatMap((chunks) => chunks.parts));
    const written = pending;
    pending = [];
    onBytes(pendingBytes);
    pendingBytes = 0;
    if (stream.destroyed || stream.writableEnded) return;
    const wantsMore = writeAll(stream, parts);
    // Without a "drain" to come, what is left is a few kilobytes.
    const left = wantsMore ? 0 : stream.writableLength;
    if (left > 0) holdUnread(left, written);
    else unread?.clear();
    // A stream that took everything at once still says "drain" if it was asked for more than its own mark.
    if (!wantsMore) return;
    if (drained !== undefined) setImmediate(notify);
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
    write(chunks) {
      if (pending.length === 0) turnEnd.add(flush);
      pending.push(chunks);
      pendingBytes += chunks.bytes;
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

/** Joins neighbouring small parts. */
export function joinSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  const endRun = () => {
    const [first] = run;
    if (first !== undefined) joined.push(run.length === 1 ? first : Buffer.concat(run));
    run = [];
  };
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
