/**
 * Frees buffers as soon as they are not needed. V8 would start a collection only for every 64 MB of them, and a thread at full
 * speed uses hundreds of megabytes a second.
 */
import { MessageChannel } from "node:worker_threads";

/** Port without a receiver: memory that is transferred to it is freed at once. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** Buffers below this size (bytes) are left to the garbage collector. */
const FREE_FROM_BYTES = 64 * 1024;

/** Frees a large buffer. It and all its views are empty afterwards. A view of a larger buffer, which may be in use, remains. */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < FREE_FROM_BYTES || !(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength)
    return;
  nowhere.postMessage(buffer, [buffer]);
}
