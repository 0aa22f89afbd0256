/**
 * Questions to a Redis server of which nothing is known yet: is one there, does it answer, who is it. One short
 * connection each, over a unix socket.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Reply, ReplyError, ReplyReader } from "../resp/reader.ts";
import { ManagedServerError } from "./server-binary.ts";

/** The last one where the listener closes before it has accepted. */
const NOT_LISTENING: ReadonlySet<string | undefined> = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/**
 * Connects to a unix socket. A successful connection proves that its process lives, however busy it is.
 *
 * @returns the connection, which does not keep this process alive; undefined if no process listens
 * @throws Error of the system, where it cannot be known
 */
export function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (NOT_LISTENING.has(error.code)) resolve(undefined);
      else reject(error);
    });
    socket.once("connect", () => {
      // From here on an error is followed by `close`, which is all that anybody waits for.
      socket.removeAllListeners("error").on("error", () => undefined);
      resolve(socket.unref());
    });
  });
}

/**
 * Sends one command and waits for its reply.
 *
 * @param timeoutMs most time for all of it
 * @throws ReplyError where Redis answers with an error; Error where nothing (sensible) answers in time
 */
export async function ask(path: string, command: readonly string[], timeoutMs: number): Promise<Reply> {
  const socket = await reach(path);
  if (socket === undefined) throw new Error(`no process listens on ${path}`);
  try {
    const reply = await new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      socket.once("close", () => {
        clearTimeout(timer);
        reject(new Error("the connection was closed before the answer"));
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
const ANSWER_MS = 5_000;
const TELL_EVERY_MS = 5_000;

/**
 * Waits until a server answers `PING` with something that is not an error, such as `LOADING`.
 *
 * @param limitMs most time for it
 * @param tell is called every few seconds with what stands in the way
 * @throws ManagedServerError when the time is over, or an AbortError
 */
export async function untilReady(
  path: string,
  limitMs: number,
  signal: AbortSignal,
  tell: (obstacle: string) => void,
): Promise<void> {
  const start = performance.now();
  for (let reportedAt = start; ; ) {
    const obstacle = await ask(path, ["PING"], ANSWER_MS).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (obstacle === undefined) return;
    const now = performance.now();
    if (now - start > limitMs)
      throw new ManagedServerError(`the managed Redis is not ready after ${limitMs} ms: ${obstacle}`);
    if (now - reportedAt > TELL_EVERY_MS) {
      reportedAt = now;
      tell(obstacle);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}
