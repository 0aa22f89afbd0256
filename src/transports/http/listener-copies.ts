/**
 * Copies of a listening socket. The event loop accepts one connection of each handle in a turn (libuv 1.45 and later), so with
 * one handle a client behind a burst of connections waits in the kernel for as many turns. A process cannot duplicate a handle
 * of its own. So a child process, which lives for some ten milliseconds, receives the handle and sends copies back.
 */
import { type ChildProcess, type SendHandle, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** Number of copies. Each one costs a system call for every connection. */
const COPIES = 31;
/** Connections that the kernel accepts ahead of the gateway, at most `net.core.somaxconn`. Node's default is 511. */
export const LISTEN_BACKLOG = 4096;
/** Program of the child. It never listens itself, because it receives the plain handle. */
const PROGRAM =
  'process.on("message", (count, handle) => { for (let i = 0; i < count; i++) process.send(i, handle); });';

/** Accepts connections for a server over copies of its listening socket. */
export class ListenerCopies {
  readonly #server: Server;
  readonly #copies: Server[] = [];
  #child: ChildProcess | undefined;
  #isClosed = false;

  /** @param server listens; copies pass their connections to it */
  constructor(server: Server) {
    this.#server = server;
  }

  /** Opens the copies. @throws Error if the child process or Node cannot copy the handle; copies that arrived stay open */
  async open(): Promise<void> {
    // Node on Windows accepts connections in another way.
    if (!this.#server.listening || this.#isClosed || process.platform === "win32") return;
    const handle = handleOf(this.#server);
    if (handle === undefined)
      throw new Error(`Node.js ${process.version} does not show its listening handle`);
    const child = spawn(process.execPath, ["--eval", PROGRAM], {
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child = child;
    child.on("message", (number, received) => {
      // Nothing is received without a free file descriptor.
      if (received !== undefined) this.#add(received);
      if (number === COPIES - 1) child.disconnect();
    });
    const ended = once(child, "exit");
    child.send(COPIES, handle, () => undefined);
    await ended;
    this.#child = undefined;
    if (this.#copies.length < COPIES && !this.#isClosed)
      throw new Error(
        `the child process sent ${this.#copies.length} of ${COPIES} copies of the listening socket`,
      );
  }

  /** Stops accepting connections. @returns a promise that resolves when the connections of all copies have closed */
  async close(): Promise<void> {
    this.#isClosed = true;
    const child = this.#child;
    // The port is free only once the child has ended, too.
    if (child?.kill("SIGKILL") === true) await once(child, "exit");
    await Promise.all(
      this.#copies.map((copy) => new Promise<void>((resolve) => copy.close(() => resolve()))),
    );
  }

  #add(handle: object): void {
    // As Node's HTTP server creates its sockets; for TLS, the server wraps them.
    const copy = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) =>
      this.#server.emit("connection", socket),
    );
    // The listening socket is open already, so this only fails without file descriptors; the others accept on.
    copy.on("error", () => undefined);
    this.#copies.push(copy);
    copy.listen(handle, LISTEN_BACKLOG);
    if (this.#isClosed) copy.close();
  }
}

/**
 * Returns Node's handle of a listening socket. The field is not documented, so it may be missing in a later version. A worker of
 * a cluster has none: its connections arrive by messages.
 */
function handleOf(server: Server): SendHandle | undefined {
  const { _handle: handle } = server as { _handle?: SendHandle & { readonly fd?: number } };
  return (handle?.fd ?? -1) >= 0 ? handle : undefined;
}
