/**
 * Decides which of the gateways that use one data directory runs the Redis server there: two servers on the same
 * append-only file would destroy it.
 *
 * The gateways stand in a queue, a file to which each appends its name, and the first one that lives is the owner.
 * Each keeps a unix socket of its name open, so that whether it lives is a question of whether one can connect:
 * the kernel answers it rightly after a `kill -9`, a reboot, a reused process id, and from another container.
 * Those behind stay connected to the owner and so notice its end at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { appendFile, lstat, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reach } from "./server-probe.ts";

/** A gateway's place in the queue. */
export interface Place {
  /** Where the sockets of this data directory are: in it, or in the system's directory for temporary files. */
  readonly folder: string;
  /** The process id of the owner that this gateway waits behind; undefined: it is the owner itself. */
  ahead(): Promise<number | undefined>;
  /** Waits until this gateway is the owner. @throws the signal's reason */
  turn(signal: AbortSignal): Promise<void>;
  /**
   * Gives the place up.
   *
   * @returns whether other gateways are left. If several leave at the same time, at least one receives false.
   */
  leave(): Promise<boolean>;
}

/**
 * Takes a place at the end of the queue.
 *
 * @param dataDir an existing directory, as its real path
 * @throws Error where no socket can be made for it
 */
export async function takePlace(dataDir: string): Promise<Place> {
  const file = join(dataDir, "gateways");
  const name = `gateway-${process.pid}-${randomBytes(3).toString("hex")}.sock`;
  const behind = new Set<Socket>();
  const { folder, door } = await openDoor(dataDir, name, behind);
  const dead = new Set<string>();

  async function names(): Promise<readonly string[]> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    return text.split("\n").filter((line) => line !== "");
  }

  /** The first gateway that lives, and a connection to it; undefined: it is this one. */
  async function owner(): Promise<{ readonly name: string; readonly socket: Socket } | undefined> {
    for (;;) {
      const all = await names();
      const place = all.indexOf(name);
      if (place < 0) {
        // Also when an owner tidied the queue just as it was appended to. A single short append is atomic.
        await appendFile(file, `${name}\n`, { mode: 0o600 });
        continue;
      }
      // Only a read that is newer than the last detected death may conclude that no other gateway is left.
      const other = all.slice(0, place).find((one) => !dead.has(one));
      if (other === undefined) return undefined;
      const socket = await reach(join(folder, other));
      if (socket !== undefined) return { name: other, socket };
      dead.add(other);
    }
  }

  /** Takes those from the queue that died before this gateway became its owner, those behind it too. */
  async function tidy(): Promise<void> {
    for (const one of await names()) {
      if (one === name || dead.has(one)) continue;
      // Where it cannot be known, it stays.
      const socket = await reach(join(folder, one)).catch(() => null);
      socket?.destroy();
      if (socket === undefined) dead.add(one);
    }
    const all = await names();
    const rest = all.slice(Math.max(0, all.indexOf(name))).filter((one) => !dead.has(one));
    await writeFile(`${file}.new`, rest.map((one) => `${one}\n`).join(""), { mode: 0o600 });
    await rename(`${file}.new`, file);
    await Promise.all([...dead].map((one) => rm(join(folder, one), { force: true })));
    dead.clear();
  }

  return {
    folder,
    async ahead() {
      const found = await owner();
      found?.socket.destroy();
      return found === undefined ? undefined : Number(/^gateway-(\d+)-/.exec(found.name)?.[1]);
    },
    async turn(signal) {
      for (;;) {
        signal.throwIfAborted();
        const found = await owner();
        if (found === undefined) break;
        await closed(found.socket, signal);
      }
      await tidy();
    },
    async leave() {
      // Closing a listening unix socket removes its file, and so the place.
      const gone = new Promise<void>((resolve) => door.close(() => resolve()));
      for (const socket of behind) socket.destroy();
      await gone;
      for (const one of await names())
        if (one !== name && !dead.has(one)) {
          const socket = await reach(join(folder, one));
          socket?.destroy();
          if (socket !== undefined) return true;
        }
      return false;
    },
  };
}

/** Waits for the end of a connection, or closes it when the signal is aborted. */
async function closed(socket: Socket, signal: AbortSignal): Promise<void> {
  const end = () => socket.destroy();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  if (!socket.closed) await new Promise((resolve) => socket.resume().once("close", resolve));
  signal.removeEventListener("abort", end);
}

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with the final zero. */
const MAX_PATH_BYTES = 100;

/** Listens in the data directory, or, where its path is too long or its file system has no sockets, elsewhere. */
async function openDoor(
  dataDir: string,
  name: string,
  behind: Set<Socket>,
): Promise<{ readonly folder: string; readonly door: Server }> {
  if (Buffer.byteLength(join(dataDir, name)) <= MAX_PATH_BYTES) {
    const door = await listen(join(dataDir, name), behind).catch(() => undefined);
    if (door !== undefined) return { folder: dataDir, door };
  }
  const folder = await shortFolder(dataDir);
  return { folder, door: await listen(join(folder, name), behind) };
}

/** A directory of this user alone, the same for every gateway of the data directory. */
async function shortFolder(dataDir: string): Promise<string> {
  const hash = createHash("sha256").update(dataDir).digest("hex");
  const folder = join(tmpdir(), `streamer-${hash.slice(0, 12)}`);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  // Anybody may have made it before, to listen in.
  const { uid, mode } = await lstat(folder);
  if (uid !== process.getuid?.() || (mode & 0o170_077) !== 0o040_000)
    throw new Error(`${folder} exists and is not a directory of this user alone`);
  return folder;
}

function listen(path: string, behind: Set<Socket>): Promise<Server> {
  const door = createServer((socket) => {
    if (!door.listening) {
      socket.destroy();
      return;
    }
    behind.add(socket);
    socket.unref().resume();
    socket.on("error", () => undefined);
    socket.on("close", () => behind.delete(socket));
  });
  return new Promise((resolve, reject) => {
    door.once("error", reject);
    door.listen(path, () => resolve(door.unref()));
  });
}
