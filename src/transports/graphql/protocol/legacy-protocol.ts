/**
 * Adapter for the legacy subscription protocol (WebSocket subprotocol `graphql-ws`) on top of the modern one,
 * `graphql-transport-ws`. The two differ only in their messages:
 *
 *     legacy                                  modern
 *     connection_init → ← connection_ack      the same
 *     start →                                 subscribe →
 *     stop →                                  complete →
 *     ← data                                  ← next
 *     ← error, one error                      ← error, a list
 *     ← complete                              ← complete
 *     connection_terminate →                  (the client closes)
 *
 * The adapter also accepts `ping`, which the legacy protocol lacks, since it may carry a fresh token. It answers with
 * `ka`, the keep-alive message of the legacy protocol.
 *
 * Legacy clients do not wait for the ack before they start operations. Messages that arrive earlier are queued.
 *
 * @see https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
 */
import type { WebSocket as ProtocolSocket } from "graphql-ws";

/** Subprotocol of the modern protocol. */
export const MODERN_PROTOCOL = "graphql-transport-ws";
/** Subprotocol of the legacy protocol. */
export const LEGACY_PROTOCOL = "graphql-ws";

/** Connection to the client. */
export interface Wire {
  /** Sends text. @returns a promise if the caller should wait before it sends more */
  send(text: string): Promise<void> | undefined;
  close(code?: number, reason?: string): void;
  /** Handles a ping of the client. The handler sends the pong through the socket of the link. */
  onPing(payload: Readonly<Record<string, unknown>> | undefined): Promise<void>;
}

/** Link between the client's socket and `graphql-ws`. */
export interface Link {
  /** Socket passed to `graphql-ws`. */
  readonly socket: ProtocolSocket;
  /** Handles a message of the client; resolves when it has been handled. */
  message(text: string): Promise<void>;
}

/** Maximum number of messages queued before the ack. A client that sends more follows neither protocol. */
const MAX_HELD = 100;

/** Creates a link that passes messages on unchanged. @param protocol negotiated subprotocol; `graphql-ws` rejects others */
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

/** Creates a link that translates between a legacy client and `graphql-ws`. */
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
      if (message === undefined) return wire.close(1000, "the client terminated the connection");
      if (isAcknowledged || !begun) {
        begun = true;
        return link.message(message);
      }
      if (held.length >= MAX_HELD) return wire.close(4429, "Too many messages before the acknowledgement");
      held.push(message);
    },
  };
}

/** Translates a message of a legacy client; undefined if it terminates the connection. */
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
 * Translates a message for a legacy client. `graphql-ws` writes the type before the payload, so results need not be
 * parsed again. An id in front of the type cannot match, because its quotes are escaped.
 */
function toClient(text: string): string {
  const type = /"type":"(\w+)"/.exec(text)?.[1];
  if (type === "next") return text.replace('"type":"next"', '"type":"data"');
  if (type === "pong") return '{"type":"ka"}';
  if (type !== "error") return text;
  const message = JSON.parse(text) as { payload: readonly unknown[] };
  return JSON.stringify({ ...message, payload: message.payload[0] });
}
