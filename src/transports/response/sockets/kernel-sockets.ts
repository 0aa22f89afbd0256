/**
 * States of sockets in the kernel: Linux's `/proc/net/tcp`. `tx_queue` has the unacknowledged bytes of a send buffer. A full
 * buffer accepts no bytes until a third of it is free. With buffers of megabytes, a slow reader would look stalled for a
 * minute if the gateway did not read these numbers. The state shows that a client has closed its side.
 */
import { createReadStream } from "node:fs";
import { readlink } from "node:fs/promises";

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/** Columns of a row, from 0, split at white space: the state, `tx_queue:rx_queue` in hexadecimal, and the inode. */
const STATE_COLUMN = 3;
const QUEUES_COLUMN = 4;
const INODE_COLUMN = 9;
/** The peer has closed its side. */
const CLOSE_WAIT = "08";

/** A socket, as the kernel sees it. */
export interface KernelSocket {
  /** Unacknowledged bytes. */
  readonly queuedBytes: number;
  /** Whether the peer has closed its side, and this process has not closed its own. */
  readonly isPeerEnded: boolean;
}

/**
 * Reads the states of sockets.
 *
 * @param descriptors file descriptors of TCP sockets of this process
 * @returns states by descriptor, without sockets that the kernel does not list; empty on systems other than Linux
 */
export async function readKernelSockets(
  descriptors: readonly number[],
): Promise<ReadonlyMap<number, KernelSocket>> {
  const sockets = new Map<number, KernelSocket>();
  const byInode = new Map<string, number>();
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/self/fd/${descriptor}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) byInode.set(inode, descriptor);
  }
  for (const table of byInode.size > 0 ? TABLES : []) {
    try {
      let rest = "";
      for await (const text of createReadStream(table, "latin1")) {
        const rows = `${rest}${text}`.split("\n");
        rest = rows.pop() ?? "";
        for (const row of rows) {
          const columns = row.trim().split(/\s+/);
          const descriptor = byInode.get(columns[INODE_COLUMN] ?? "");
          if (descriptor !== undefined)
            sockets.set(descriptor, {
              queuedBytes: Number.parseInt(columns[QUEUES_COLUMN] ?? "", 16),
              isPeerEnded: columns[STATE_COLUMN] === CLOSE_WAIT,
            });
        }
      }
    } catch {
      // The table does not exist: no IPv6, or not Linux.
    }
  }
  return sockets;
}
