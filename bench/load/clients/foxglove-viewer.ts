/**
 * Viewer of Foxglove with minimal cost: it subscribes to channels, counts the messages of each, and answers pings, by which the
 * gateway notices that an image has arrived.
 */
import {
  BINARY,
  clientFrameBytes,
  createSplitter,
  HEAD_BYTES,
  PING,
  PONG,
  TEXT,
  writeClientFrame,
} from "./frames.ts";
import { openWebSocket } from "./websocket.ts";

/** A viewer and its counters. */
export interface FoxgloveViewer {
  /** Messages received so far of a subscription, without the newest entry at its start. Subscriptions count from 0. */
  messages(subscription: number): number;
  /** @throws Error if the connection failed */
  check(): void;
  stopReading(): void;
  close(): void;
}

/** Events of a viewer, after the newest entries at its start. */
export interface ViewerEvents {
  /** A message of a subscription begins to arrive. */
  readonly onMessage?: (subscription: number) => void;
  /** A ping arrived: so did all messages before it. */
  readonly onPing?: () => void;
}

/** Time limit for the newest entries at the start. */
const FIRST_MS = 10_000;
/** Offset of the subscription id in a message. */
const SUBSCRIPTION_AT = 1;

/**
 * Connects, and waits for the newest entry of each channel, which is not counted.
 *
 * @param channelIds the same in all connections; the index of a channel is the id of its subscription
 */
export async function openFoxgloveViewer(
  port: number,
  channelIds: readonly number[],
  { onMessage, onPing }: ViewerEvents = {},
): Promise<FoxgloveViewer> {
  const counts = channelIds.map(() => -1);
  let missing = channelIds.length;
  let onFirst = (): void => undefined;
  let onFailure = (_why: string): void => undefined;
  const first = new Promise<void>((resolve, reject) => {
    onFirst = resolve;
    onFailure = (why) => reject(new Error(`/foxglove: ${why}`));
  });
  // Until it is awaited.
  first.catch(() => undefined);
  const send = (opcode: number, payload: Uint8Array) => {
    const frame = Buffer.alloc(clientFrameBytes(payload.length));
    writeClientFrame(frame, 0, opcode, payload);
    connection.socket.write(frame);
  };
  const split = createSplitter((opcode, payloadBytes, bytes, head) => {
    if (opcode === PING) {
      send(PONG, bytes.subarray(head, head + Math.min(payloadBytes, HEAD_BYTES)));
      if (missing === 0) onPing?.();
    } else if (opcode === BINARY) {
      const subscription = bytes.readUInt32LE(head + SUBSCRIPTION_AT);
      const count = (counts[subscription] ?? 0) + 1;
      counts[subscription] = count;
      if (count > 0) onMessage?.(subscription);
      else if (--missing === 0) onFirst();
    }
  });
  const connection = await openWebSocket(
    { port, path: "/foxglove", protocol: "foxglove.sdk.v1" },
    split,
    (why) => onFailure(why),
  );
  const subscriptions = channelIds.map((channelId, id) => ({ id, channelId }));
  send(TEXT, Buffer.from(JSON.stringify({ op: "subscribe", subscriptions })));
  const limit = setTimeout(
    () => onFailure(`${missing} of ${channelIds.length} channels have no entry after ${FIRST_MS} ms`),
    FIRST_MS,
  );
  await first.finally(() => clearTimeout(limit));
  return {
    messages: (subscription) => counts[subscription] ?? 0,
    check() {
      if (connection.failure !== "") throw new Error(`/foxglove: ${connection.failure}`);
    },
    stopReading: connection.stopReading,
    close: connection.close,
  };
}
