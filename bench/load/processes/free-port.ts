/**
 * Ports for servers that keep their port across restarts. A port is reserved for the process that drew it, so that no other
 * test or benchmark on this machine takes it while its server is down.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Upper bound of the ports: the kernel assigns ports above it to outgoing connections, which could occupy one while its server is down. */
const PORTS = { from: 20_000, below: 32_768 };

/** Reserved ports: a file each, with the id of the process that reserved it. */
const RESERVED = join(tmpdir(), `redis-streamer-ports-${userInfo().uid}`);

/** Returns a TCP port without a listener, and reserves it for this process. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.below - PORTS.from));
    if (!reservePort(port)) {
      resolve(freePort());
      return;
    }
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}

/** Reserves a port until this process ends. @returns false if it is reserved, also by this process */
export function reservePort(port: number, folder = RESERVED): boolean {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (isRunning(ownerOf(file))) return false;
    rmSync(file, { force: true });
    return reservePort(port, folder);
  }
}

/** Returns the process that reserved a port; 0 if it has not written its id yet, NaN if the file does not exist. */
function ownerOf(file: string): number {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return Number.NaN;
  }
}

function isRunning(pid: number): boolean {
  try {
    return !Number.isNaN(pid) && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
