/** Push client that sends the same entry at each call, such as an image or a JSON object. */
import { BINARY, clientFrameBytes, writeClientFrame } from "./frames.ts";
import { openWebSocket, type Target } from "./websocket.ts";

/** A push client with `header=0`. */
export interface ConstantPusher {
  push(): void;
  /** @throws Error if the connection failed */
  check(): void;
  close(): void;
}

/** Connects. @param entry payload of all entries */
export async function openConstantPusher(target: Target, entry: Uint8Array): Promise<ConstantPusher> {
  const connection = await openWebSocket(target, () => undefined);
  const frame = Buffer.alloc(clientFrameBytes(entry.length));
  writeClientFrame(frame, 0, BINARY, entry);
  return {
    push: () => void connection.socket.write(frame),
    check() {
      if (connection.failure !== "") throw new Error(`${target.path}: ${connection.failure}`);
    },
    close: connection.close,
  };
}
