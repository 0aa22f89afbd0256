/**
 * Releases the memory of a chunk as soon as it has been read, without waiting for the garbage collector. Node allocates
 * 64 KB for each read of a socket. At camera rates these are hundreds of megabytes a second, and V8 starts a full
 * collection for every 64 MB.
 */
import { MessageChannel } from "node:worker_threads";

/** `ArrayBuffer.prototype.transfer` (ECMAScript 2024) does not exist in Node 20. */
type Transferable = ArrayBuffer & { transfer?(bytes: number): ArrayBuffer };

/** Port without a receiver: memory that is transferred to it is freed at once. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** Chunks below this size (bytes) are left to the garbage collector. */
const RELEASE_FROM_BYTES = 16 * 1024;

/** Releases the memory of a chunk that was read, if it is large. The chunk and all its views are empty afterwards. */
export function releaseChunk(chunk: Buffer): void {
  if (chunk.length >= RELEASE_FROM_BYTES) releaseMemory(chunk);
}

/** Releases the memory of a chunk that owns its whole buffer. The chunk and all its views are empty afterwards. */
export function releaseMemory(chunk: Buffer): void {
  const memory = chunk.buffer as Transferable;
  // The chunk is a part of a larger buffer, which may be in use.
  if (memory.byteLength !== chunk.length) return;
  if (memory.transfer !== undefined) memory.transfer(0);
  else nowhere.postMessage(memory, [memory]);
}
