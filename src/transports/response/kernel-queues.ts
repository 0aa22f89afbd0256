/**
 * Bytes that the kernel holds for sockets of this process and the other side has not acknowledged (`tx_queue` of
 * Linux's `/proc/net/tcp`). A kernel buffer of megabytes takes no more bytes until a third of it is free, so a slow
 * reader looks like a stalled one for a minute unless the kernel is consulted.
 */
import { createReadStream } from "node:fs";
import { readlink } from "node:fs/promises";

const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/** Columns of a row, counted from 0 after splitting at blanks: `tx_queue:rx_queue` in hexadecimal, and the inode. */
const QUEUES_COLUMN = 4;
const INODE_COLUMN = 9;

/**
 * Reads the unacknowledged bytes of sockets.
 *
 * @param descriptors file descriptors of TCP sockets of this process
 * @returns bytes by descriptor; a socket that the kernel does not list, or any socket outside Linux, is missing
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
      // A kernel without IPv6, or no Linux.
    }
  }
  return queues;
}
