/** Open sockets of a process, from `/proc` (proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Parses a hexadecimal address of `/proc/net/tcp`: address in host byte order, then port. @returns `address:port` */
function readAddress(text: string): string {
  const [hex = "", port = ""] = text.split(":");
  const bytes = (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  return `${bytes.reverse().join(".")}:${Number.parseInt(port, 16)}`;
}

/** Returns the number of file descriptors of a process. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/**
 * Lists the IPv4 connections of a process on a local port, in any state.
 *
 * @returns the inode of each connection, by its remote address `address:port`
 */
export function connectionsOf(pid: number, port: number): ReadonlyMap<string, string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // The socket was closed in the meantime.
    }
  }
  const LISTEN = "0A";
  const found = new Map<string, string>();
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n").slice(1)) {
    const [, local = "", remote = "", state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
    if (inodes.has(inode) && state !== LISTEN && readAddress(local).endsWith(`:${port}`))
      found.set(readAddress(remote), inode);
  }
  return found;
}
