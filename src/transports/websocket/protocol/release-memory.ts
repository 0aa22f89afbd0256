/**
 * Releases the memory of a chunk as soon as it has been read, and not when the garbage collector comes to it. Node reads
 * sockets into 64 KB of new memory each time; at camera rates that alone is hundreds of megabytes a second, for every
 * 64 MB of which V8 starts a full collection.
 */
import { MessageChannel } from "node:worker_threads";

/** `ArrayBuffer.prototype.transfer` (ECMAScript 2024) is not there in Node 20. */
type Transferable = ArrayBuffer & { transfer?(bytes: number): ArrayBuffer };

/** What is transferred to a port whose other end is closed arrives nowhere, and is freed at once. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** Releases the memory of a chunk that owns all of it; the chunk and all its parts are empty after that. */
export function releaseMemory(chunk: Buffer): void {
  const memory = chunk.buffer as Transferable;
  // A part of something larger, which others may be using.
  if (memory.byteLength !== chunk.length) return;
  if (memory.transfer !== undefined) memory.transfer(0);
  else nowhere.postMessage(memory, [memory]);
}
