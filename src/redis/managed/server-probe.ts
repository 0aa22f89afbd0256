/** Probes of a Redis server on a unix socket: whether a process listens, replies, and is ready. Each uses a connection of its own. */

import { connect, type Socket } from "node:net";
import { sleep } from "../../domain/scheduling/sleep.ts";
import { type Reply, ReplyError, ReplyReader } from "../resp/reader.ts";
import { ManagedServerError } from "./server-binary.ts";

/** Errors of a socket without a listener. `ECONNRESET`: the listener closed before it accepted the connection. */
const NOT_LISTENING: ReadonlySet<string | undefined> = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/**
 * Connects to a unix socket. A successful connection proves that its process is alive, however busy it is.
 *
 * @returns the connection, which does not keep this process alive; undefined if no process listens
 * @throws the system's error if the state is unknown
 */
export function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (NOT_LISTENING.has(error.code)) resolve(undefined);
      else reject(error);
    });
    socket.once("connect", () => {
      // From here on, an error is followed by `close`, which callers wait for.
      socket.removeAllListeners("error").on("error", () => undefined);
      resolve(socket.unref());
    });
  });
}

/**
 * Sends one command and waits for its reply.
 *
 * @param timeoutMs limit for the whole exchange
 * @throws ReplyError if Redis replies with an error; Error if there is no valid reply in time
 */
export async function query(path: string, command: readonly string[], timeoutMs: number): Promise<Reply> {
  const socket = await reach(path);
  if (socket === undefined) throw new Error(`no process listens on ${path}`);
  try {
    const reply = await new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no reply within ${timeoutMs} ms`)), timeoutMs);
      socket.once("close", () => {
        clearTimeout(timer);
        reject(new Error("the connection was closed before the reply"));
      });
      const reader = new ReplyReader({ onReply: resolve, onPush: () => undefined });
      socket.on("data", (chunk) => {
        try {
          reader.feed(chunk);
        } catch (error) {
          reject(error);
        }
      });
      const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${command.length}\r\n${words.join("")}`);
    });
    if (reply instanceof ReplyError) throw reply;
    return reply;
  } finally {
    socket.destroy();
  }
}

const POLL_MS = 25;
const REPLY_MS = 5_000;
const REPORT_EVERY_MS = 5_000;

/**
 * Waits until a server replies to `PING` without an error such as `LOADING`.
 *
 * @param limitMs time limit
 * @param report called every few seconds with the current problem
 * @throws ManagedServerError after the time limit, or an AbortError
 */
export async function untilReady(
  path: string,
  limitMs: number,
  signal: AbortSignal,
  report: (problem: string) => void,
): Promise<void> {
  const start = performance.now();
  for (let reportedAt = start; ; ) {
    const problem = await query(path, ["PING"], REPLY_MS).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (problem === undefined) return;
    const now = performance.now();
    if (now - start > limitMs)
      throw new ManagedServerError(`the managed Redis is not ready after ${limitMs} ms: ${problem}`);
    if (now - reportedAt > REPORT_EVERY_MS) {
      reportedAt = now;
      report(problem);
    }
    await sleep(POLL_MS, signal);
  }
}
