/**
 * Unacknowledged bytes in the kernel's send buffers (`tx_queue` of Linux's `/proc/net/tcp`). A full buffer accepts no
 * bytes until a third of it is free. With buffers of megabytes, a slow reader would look stalled for a minute if the
 * gateway did not read these numbers.
 */
import { createReadStream } from "node:fs";
import { readlink } from "node:fs/promises";

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/** Columns of a row, from 0, split at white space: `tx_queue:rx_queue` in hexadecimal, and the inode. */
const QUEUES_COLUMN = 4;
const INODE_COLUMN = 9;

/**
 * Reads the unacknowledged bytes of sockets.
 *
 * @param descriptors file descriptors of TCP sockets of this process
 * @returns bytes by descriptor, without sockets that the kernel does not list; empty on systems other than Linux
 */
export async function readKernelQueues(descriptors: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const queues = new Map<number, number>();
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
            queues.set(descriptor, Number.parseInt(columns[QUEUES_COLUMN] ?? "", 16));
        }
      }
    } catch {
      // The table does not exist: no IPv6, or not Linux.
    }
  }
  return queues;
}
