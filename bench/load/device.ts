/**
 * A device with several sensors: one push connection that sends, in one batch, an entry for each of its sensors'
 * streams (`header=1`, `[[stream_id, end], …]`).
 */

import { BINARY, clientFrameBytes, clientHeaderBytes, TEXT, writeClientFrame } from "./clients/frames.ts";
import { openWebSocket } from "./clients/websocket.ts";
import { filler, stampMasked } from "./entry.ts";

/** A device's push connection. */
export interface Device {
  /** Batches sent so far; each one appended an entry to each sensor's stream. */
  readonly batches: number;
  /** Sends one entry of each sensor. */
  push(): void;
  /** @throws Error if the connection failed */
  check(): void;
  close(): void;
}

/** Returns the stream id of a sensor, which is the same on every device. */
export const sensorStream = (sensor: number): string => `sensor-${sensor}`;

/** @param entryBytes length of each entry, a multiple of 4 */
export async function openDevice(
  port: number,
  deviceId: string,
  sensors: number,
  entryBytes: number,
): Promise<Device> {
  const path = `/data/${sensorStream(0)}/push?device_id=${deviceId}`;
  const connection = await openWebSocket({ port, path }, () => {});
  const header = Buffer.from(
    JSON.stringify(Array.from({ length: sensors }, (_, i) => [sensorStream(i), (i + 1) * entryBytes])),
  );
  const payload = filler(sensors * entryBytes);
  const pattern = Buffer.alloc(clientFrameBytes(header.length) + clientFrameBytes(payload.length));
  const second = writeClientFrame(pattern, 0, TEXT, header);
  writeClientFrame(pattern, second, BINARY, payload);
  const start = second + clientHeaderBytes(payload.length);
  const free: Buffer[] = [];
  let batches = 0;
  return {
    get batches() {
      return batches;
    },
    push() {
      const buffer = free.pop() ?? Buffer.from(pattern);
      const now = performance.now();
      for (let i = 0; i < sensors; i++) stampMasked(buffer, start + i * entryBytes, batches, now);
      connection.socket.write(buffer, () => free.push(buffer));
      batches++;
    },
    check() {
      if (connection.failure !== "") throw new Error(`${path}: ${connection.failure}`);
    },
    close: connection.close,
  };
}
