/**
 * The older subscription protocol, whose WebSocket subprotocol is called `graphql-ws`, in terms of the newer one,
 * `graphql-transport-ws`. Both do the same with other words:
 *
 *     older                                   newer
 *     connection_init → ← connection_ack      the same
 *     start →                                 subscribe →
 *     stop →                                  complete →
 *     ← data                                  ← next
 *     ← error, one error                      ← error, a list
 *     ← complete                              ← complete
 *     connection_terminate →                  (the client closes)
 *
 * A `ping`, which the older one does not have, is taken as in the newer one: it may bring a fresh token. Its answer is a
 * `ka`, the older one's sign of life.
 *
 * An older client does not wait for the ack before it starts, so what comes before it is held back.
 *
 * @see https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
 */
import type { WebSocket as ProtocolSocket } from "graphql-ws";

/** The newer subprotocol. */
export const MODERN_PROTOCOL = "graphql-transport-ws";
/** The older one. */
export const LEGACY_PROTOCOL = "graphql-ws";

/** The way to the client. */
export interface Wire {
  /** Sends text; a promise where more should wait. */
  send(text: string): Promise<void> | undefined;
  close(code?: number, reason?: string): void;
  /** A client's ping; it is answered by whoever is told of it, over the link's socket. */
  onPing(payload: Readonly<Record<string, unknown>> | undefined): Promise<void>;
}

/** Between the client's socket and the protocol's core. */
export interface Link {
  /** What the core speaks with. */
  readonly socket: ProtocolSocket;
  /** Takes a message of the client; resolves when it is done with. */
  message(text: string): Promise<void>;
}

/** Messages held back before the ack; who sends more does not follow either protocol. */
const MOST_HELD = 100;

/** Hands messages on as they are. @param protocol the one agreed on; the core refuses any but its own */
export function plainLink({ send, close, onPing }: Wire, protocol: string): Link {
  let deliver: ((text: string) => Promise<void>) | undefined;
  return {
    socket: {
      protocol,
      send,
      close,
      onPing,
      onMessage(callback) {
        deliver = callback;
      },
    },
    message: async (text) => deliver?.(text),
  };
}

/** Translates between an older client and the core. */
export function legacyLink(wire: Wire): Link {
  const held: string[] = [];
  let isAcknowledged = false;
  let begun = false;

  const link = plainLink(
    {
      close: wire.close,
      onPing: wire.onPing,
      send(text) {
        const sent = wire.send(toClient(text));
        if (!isAcknowledged && begun) {
          isAcknowledged = true;
          for (const one of held.splice(0))
            link.message(one).catch(() => wire.close(4400, "Invalid message received"));
        }
        return sent;
      },
    },
    MODERN_PROTOCOL,
  );

  return {
    socket: link.socket,
    async message(text) {
      const message = fromClient(text);
      if (message === undefined) return wire.close(1000, "the client ended the connection");
      if (isAcknowledged || !begun) {
        begun = true;
        return link.message(message);
      }
      if (held.length >= MOST_HELD) return wire.close(4429, "Too many messages before the acknowledgement");
      held.push(message);
    },
  };
}

/** A message of an older client in newer words; undefined where it ends the connection. */
function fromClient(text: string): string | undefined {
  const message = JSON.parse(text) as { type?: unknown };
  switch (message.type) {
    case "start":
      return JSON.stringify({ ...message, type: "subscribe" });
    case "stop":
      return JSON.stringify({ ...message, type: "complete" });
    case "connection_terminate":
      return undefined;
    default:
      return text;
  }
}

/**
 * A message of the core in older words. The core writes the type before the payload, so results need not be parsed
 * again: quotes within an id, which comes before it, are escaped.
 */
function toClient(text: string): string {
  const type = /"type":"(\w+)"/.exec(text)?.[1];
  if (type === "next") return text.replace('"type":"next"', '"type":"data"');
  if (type === "pong") return '{"type":"ka"}';
  if (type !== "error") return text;
  const message = JSON.parse(text) as { payload: readonly unknown[] };
  return JSON.stringify({ ...message, payload: message.payload[0] });
}
