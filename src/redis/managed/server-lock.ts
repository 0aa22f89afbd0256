/**
 * Server lock: decides which of the gateways on one data directory owns the Redis server. Two servers on the same
 * append-only file would corrupt it.
 *
 * The gateways form a queue: each appends its name to a file, and the first gateway that is alive is the owner. Each listens
 * on a unix socket of its name, so a gateway is alive if one can connect to it. That is correct even after `kill -9`, a reboot
 * or a reused process id, and between containers. Waiting gateways stay connected to the owner, so they detect its end at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { appendFile, lstat, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reach } from "./server-probe.ts";

/**
 * Enters the queue at its end.
 *
 * @param dataDir real path of an existing directory
 * @throws Error if no socket can be created
 */
export async function enterQueue(dataDir: string): Promise<QueuedGateway> {
  const name = `gateway-${process.pid}-${randomBytes(3).toString("hex")}.sock`;
  const waiters = new Set<Socket>();
  const { folder, listener } = await openListener(dataDir, name, waiters);
  return new QueuedGateway({ file: join(dataDir, "gateways"), name, folder, listener, waiters });
}

/** Position of this gateway in the queue. */
interface QueueParts {
  /** Path of the file with the names. */
  readonly file: string;
  readonly name: string;
  readonly folder: string;
  readonly listener: Server;
  /** Connections of gateways that wait for this one. */
  readonly waiters: ReadonlySet<Socket>;
}

/** A gateway in the queue. */
export class QueuedGateway {
  /** Folder of the sockets: the data directory, or a directory for temporary files. */
  readonly folder: string;
  readonly #parts: QueueParts;
  /** Names of gateways that have ended. */
  readonly #dead = new Set<string>();

  constructor(parts: QueueParts) {
    this.folder = parts.folder;
    this.#parts = parts;
  }

  /** Returns the process id of the owner; undefined if this gateway is the owner. */
  async ownerPid(): Promise<number | undefined> {
    const found = await this.#owner();
    found?.socket.destroy();
    return found === undefined ? undefined : Number(/^gateway-(\d+)-/.exec(found.name)?.[1]);
  }

  /** Waits until this gateway is the owner. @throws the signal's reason */
  async acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const found = await this.#owner();
      if (found === undefined) break;
      await closed(found.socket, signal);
    }
    await this.#tidy();
  }

  /**
   * Leaves the queue.
   *
   * @returns whether other gateways are left. If several leave at the same time, at least one receives false.
   */
  async leave(): Promise<boolean> {
    const { name, listener, waiters } = this.#parts;
    // Closing a listening unix socket removes its file, so other gateways find this one dead.
    const gone = new Promise<void>((resolve) => listener.close(() => resolve()));
    for (const socket of waiters) socket.destroy();
    await gone;
    for (const one of await this.#names())
      if (one !== name && !this.#dead.has(one)) {
        const socket = await this.#reach(one);
        socket?.destroy();
        if (socket !== undefined) return true;
      }
    return false;
  }

  async #names(): Promise<readonly string[]> {
    const text = await readFile(this.#parts.file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    return text.split("\n").filter((line) => line !== "");
  }

  #reach(name: string): Promise<Socket | undefined> {
    return reach(join(this.folder, name));
  }

  /** Returns the first gateway that is alive and a connection to it; undefined if it is this gateway. */
  async #owner(): Promise<{ readonly name: string; readonly socket: Socket } | undefined> {
    const { file, name } = this.#parts;
    for (;;) {
      const all = await this.#names();
      const position = all.indexOf(name);
      if (position < 0) {
        // Repeats the append if an owner rewrote the file at the same time. A single short append is atomic.
        await appendFile(file, `${name}\n`, { mode: 0o600 });
        continue;
      }
      // Only a read that is newer than the last detected death may conclude that no other gateway is left.
      const other = all.slice(0, position).find((one) => !this.#dead.has(one));
      if (other === undefined) return undefined;
      const socket = await this.#reach(other);
      if (socket !== undefined) return { name: other, socket };
      this.#dead.add(other);
    }
  }

  /** Removes dead gateways from the queue, before and after this one. */
  async #tidy(): Promise<void> {
    const { file, name } = this.#parts;
    const dead = this.#dead;
    for (const one of await this.#names()) {
      if (one === name || dead.has(one)) continue;
      // Keeps the gateway if its state is unknown.
      const socket = await this.#reach(one).catch(() => null);
      socket?.destroy();
      if (socket === undefined) dead.add(one);
    }
    const all = await this.#names();
    const rest = all.slice(Math.max(0, all.indexOf(name))).filter((one) => !dead.has(one));
    await writeFile(`${file}.new`, rest.map((one) => `${one}\n`).join(""), { mode: 0o600 });
    await rename(`${file}.new`, file);
    await Promise.all([...dead].map((one) => rm(join(this.folder, one), { force: true })));
    dead.clear();
  }
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

/** Listens in the data directory, or in a temporary directory if the path is too long or the file system has no sockets. */
async function openListener(
  dataDir: string,
  name: string,
  waiters: Set<Socket>,
): Promise<{ readonly folder: string; readonly listener: Server }> {
  if (Buffer.byteLength(join(dataDir, name)) <= MAX_PATH_BYTES) {
    const listener = await listen(join(dataDir, name), waiters).catch(() => undefined);
    if (listener !== undefined) return { folder: dataDir, listener };
  }
  const folder = await shortFolder(dataDir);
  return { folder, listener: await listen(join(folder, name), waiters) };
}

/** Returns a temporary directory of this user, the same for all gateways of a data directory. */
async function shortFolder(dataDir: string): Promise<string> {
  const hash = createHash("sha256").update(dataDir).digest("hex");
  const folder = join(tmpdir(), `streamer-${hash.slice(0, 12)}`);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  // Another user may have created it before, in order to intercept connections.
  const { uid, mode } = await lstat(folder);
  if (uid !== process.getuid?.() || (mode & 0o170_077) !== 0o040_000)
    throw new Error(`${folder} exists and is not a directory that only this user can access`);
  return folder;
}

function listen(path: string, waiters: Set<Socket>): Promise<Server> {
  const listener = createServer((socket) => {
    if (!listener.listening) {
      socket.destroy();
      return;
    }
    waiters.add(socket);
    socket.unref().resume();
    socket.on("error", () => undefined);
    socket.on("close", () => waiters.delete(socket));
  });
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(path, () => resolve(listener.unref()));
  });
}
