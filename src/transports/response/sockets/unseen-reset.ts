/**
 * Detects a reset connection that is not read. Node learns of a reset from a read or a write. While reads are paused and
 * nothing is unsent, for example because a request waits for memory, it would learn of it only with the next response.
 */
import type { Socket } from "node:net";

/** Fields of Node's stream handles. */
interface Handle {
  readonly reading?: boolean;
  /** @returns 0, or the number of an error: a reset connection has no peer */
  readonly getpeername?: (address: object) => number;
}

const handleOf = (socket: Socket): Handle | undefined =>
  (socket as { _handle?: Handle | null })._handle ?? undefined;

/**
 * Returns whether the client has reset a connection that is not read.
 *
 * @param below TCP socket of a TLS socket, or the socket itself
 */
export function isResetUnseen(socket: Socket, below: Socket): boolean {
  if (handleOf(socket)?.reading !== false) return false;
  const handle = handleOf(below);
  // Not on the socket, which keeps the address of its peer.
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}
