/** Sentinel client: queries the address of a master, or subscribes to failovers. */
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { tlsAt } from "../address/redis-url.ts";
import type { SentinelHost, SentinelUrl } from "../address/sentinel-url.ts";
import { InvalidReply, type Reply, ReplyError, ReplyReader } from "../resp/reader.ts";
import { type Argument, CommandWriter } from "../resp/writer.ts";

/** Credentials and TLS options of sentinels. */
export type SentinelAccess = Pick<SentinelUrl, "sentinelLogin" | "tls">;

/** Reply of a sentinel about a master. */
export type SentinelAnswer =
  | { readonly kind: "known"; readonly at: SentinelHost }
  | { readonly kind: "unknown" }
  /** The sentinel replied with an error. */
  | { readonly kind: "rejected"; readonly reason: string }
  | { readonly kind: "silent"; readonly reason: string };

/** Time without a reply (ms) after which a sentinel is treated as unreachable. */
const STALL_MS = 3000;
const PING_MS = 1000;

interface Link {
  send(...command: Argument[]): void;
  close(): void;
}

/**
 * Opens a connection, which does not reconnect.
 *
 * @param onReply called with each reply, in the order of the commands
 * @param onEnd called once if the connection ends before `close`
 */
function open(
  host: SentinelHost,
  { sentinelLogin: { username, password }, tls }: SentinelAccess,
  onReply: (reply: Reply) => void,
  onEnd: (reason: string) => void,
): Link {
  const socket = tls ? connectTls({ ...host, ...tlsAt(host.host, tls) }) : connectTcp(host);
  let reason = "it closed the connection";
  let isOver = false;
  let isHandshake = password !== undefined;
  const end = (why: string) => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    onEnd(why);
  };
  // RESP2 delivers published messages as ordinary replies, so all versions of Redis need only one reader.
  const reader = new ReplyReader({
    onReply(reply) {
      if (isOver) return;
      if (isHandshake && !(reply instanceof ReplyError)) isHandshake = false;
      else onReply(reply);
    },
    onPush: () => undefined,
  });
  socket.setTimeout(STALL_MS, () => end(`no reply within ${STALL_MS} ms`));
  socket.on("data", (chunk) => {
    try {
      reader.feed(chunk);
    } catch (error) {
      if (error instanceof InvalidReply) end("invalid RESP from the sentinel");
      // The handler has closed the connection, so that nothing else would report the error.
      else if (isOver) throw error;
      else end(`could not handle a reply of the sentinel: ${error}`);
    }
  });
  socket.on("error", ({ message }) => {
    reason = message;
  });
  socket.on("close", () => end(reason));
  const send = (...command: Argument[]) => {
    const writer = new CommandWriter();
    writer.command(command);
    for (const part of writer.take()) socket.write(part);
  };
  if (password !== undefined) send("AUTH", ...(username === undefined ? [] : [username]), password);
  return {
    send,
    close() {
      isOver = true;
      socket.destroy();
    },
  };
}

/** Queries a sentinel for a master's address. `done` is called exactly once, unless the returned function cancels it. */
export function askSentinel(
  host: SentinelHost,
  access: SentinelAccess,
  master: string,
  done: (answer: SentinelAnswer) => void,
): () => void {
  const link = open(
    host,
    access,
    (reply) => {
      link.close();
      done(answerOf(reply));
    },
    (reason) => done({ kind: "silent", reason }),
  );
  link.send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master);
  return link.close;
}

function answerOf(reply: Reply): SentinelAnswer {
  if (reply === null) return { kind: "unknown" };
  if (reply instanceof ReplyError) return { kind: "rejected", reason: reply.message };
  const at = Array.isArray(reply) ? hostOf(reply[0], reply[1]) : undefined;
  return at === undefined
    ? { kind: "rejected", reason: "the reply is not an address" }
    : { kind: "known", at };
}

function hostOf(host: Reply | undefined, port: Reply | undefined): SentinelHost | undefined {
  if (!Buffer.isBuffer(host) || !Buffer.isBuffer(port)) return undefined;
  return addressOf(host.toString(), port.toString());
}

/** Returns an address, unless the port is not a TCP port: connecting to it would throw. */
function addressOf(host: string, port: string): SentinelHost | undefined {
  const number = Number(port);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? { host, port: number } : undefined;
}

/** Events of a subscription to a sentinel. */
export interface SentinelNews {
  /** The subscription is active. */
  readonly onListening: () => void;
  /** A master has moved. */
  readonly onSwitch: (master: string, to: SentinelHost) => void;
  /** Called when the subscription ends. Not called if the function returned by `listenToSentinel` ended it. */
  readonly onEnd: (reason: string) => void;
}

/** Subscribes to a sentinel's `+switch-master`. @returns a function that unsubscribes */
export function listenToSentinel(
  host: SentinelHost,
  access: SentinelAccess,
  { onListening, onSwitch, onEnd }: SentinelNews,
): () => void {
  // Without failovers, the replies to PING show that the sentinel is alive.
  const pings = setInterval(() => link.send("PING"), PING_MS);
  const link = open(
    host,
    access,
    (reply) => {
      if (reply instanceof ReplyError) {
        close();
        onEnd(reply.message);
      }
      if (!Array.isArray(reply)) return;
      const [kind, , message] = reply;
      if (String(kind) === "subscribe") onListening();
      if (String(kind) !== "message") return;
      // "<master name> <old ip> <old port> <new ip> <new port>"
      const [master = "", , , host = "", port = ""] = String(message).split(" ");
      const to = addressOf(host, port);
      if (to !== undefined) onSwitch(master, to);
    },
    (reason) => {
      clearInterval(pings);
      onEnd(reason);
    },
  );
  const close = () => {
    clearInterval(pings);
    link.close();
  };
  link.send("SUBSCRIBE", "+switch-master");
  return close;
}
