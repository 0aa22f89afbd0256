/** Node's handle of a socket: bytes that the kernel accepted, and whether it is read. Node has no public access to these. */
import { Socket } from "node:net";

/** Fields of Node's stream handles. Node's own socket timeout reads the numbers of bytes, too. */
export interface StreamHandle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  readonly fd?: number;
  readonly reading?: boolean;
  /** @returns 0, or the number of an error: a reset connection has no peer */
  readonly getpeername?: (address: object) => number;
}

/** Returns the handle of a socket; undefined if the socket is closed. */
export const handleOf = (socket: Socket): StreamHandle | undefined =>
  (socket as { _handle?: StreamHandle | null })._handle ?? undefined;

/** Returns the TCP socket of a socket: for TLS, the socket below it. */
export function tcpSocketOf(socket: Socket): Socket {
  const { _parent: parent } = socket as { _parent?: unknown };
  return parent instanceof Socket ? parent : socket;
}
