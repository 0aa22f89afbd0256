/** Viewer of Foxglove with minimal cost: it subscribes to one channel, and counts the messages. */
import { BINARY, clientFrameBytes, createSplitter, TEXT, writeClientFrame } from "./frames.ts";
import { openWebSocket } from "./websocket.ts";
import type { WebSocketReader } from "./websocket-reader.ts";

/**
 * Connects, and waits for the newest entry of the channel, which is not counted.
 *
 * @param channelId the same in all connections
 */
export async function openFoxgloveReader(port: number, channelId: number): Promise<WebSocketReader> {
  let messages = 0;
  let onFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  const split = createSplitter((opcode) => {
    if (opcode === BINARY && ++messages === 1) onFirst();
  });
  const connection = await openWebSocket({ port, path: "/foxglove", protocol: "foxglove.sdk.v1" }, split);
  const subscribe = Buffer.from(JSON.stringify({ op: "subscribe", subscriptions: [{ id: 0, channelId }] }));
  const frame = Buffer.alloc(clientFrameBytes(subscribe.length));
  writeClientFrame(frame, 0, TEXT, subscribe);
  connection.socket.write(frame);
  await first;
  return {
    headers: 0,
    get entries() {
      return messages - 1;
    },
    check() {
      if (connection.failure !== "") throw new Error(`/foxglove: ${connection.failure}`);
    },
    stopReading: connection.stopReading,
    close: connection.close,
  };
}
