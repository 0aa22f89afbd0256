/**
 * Detects a reset connection that is not read. Node learns of a reset from a read or a write. While reads are paused and
 * nothing is unsent, for example because a request waits for memory, it would learn of it only with the next response.
 */
import type { Socket } from "node:net";
import { handleOf, tcpSocketOf } from "./stream-handle.ts";

/** Returns whether the client has reset a connection that is not read. */
export function isResetUnseen(socket: Socket): boolean {
  if (handleOf(socket)?.reading !== false) return false;
  const handle = handleOf(tcpSocketOf(socket));
  // Not on the socket, which keeps the address of its peer.
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}
