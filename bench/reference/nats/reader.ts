/** Subscriber of a subject, which checks the numbers of the entries like a pull client of the gateway. */

import type { WebSocketReader } from "../../load/clients/websocket-reader.ts";
import { entryNumber, entrySentAt, STAMP_BYTES } from "../../load/entry.ts";
import type { Samples } from "../../load/measurement/statistics.ts";
import { openNats } from "./connection.ts";
import { subscribeLine } from "./protocol.ts";

/** @param latencies receives the time in ms from sending to reading each entry */
export async function openNatsReader(
  port: number,
  subject: string,
  latencies?: Samples,
): Promise<WebSocketReader> {
  let entries = 0;
  const connection = await openNats({
    port,
    message: (bytes, start, payloadBytes) => {
      if (payloadBytes < STAMP_BYTES) throw new Error(`got an entry of ${payloadBytes} bytes`);
      const number = entryNumber(bytes, start);
      if (number !== entries) throw new Error(`expected entry ${entries}, got entry ${number}`);
      entries++;
      if (latencies !== undefined) latencies.add(performance.now() - entrySentAt(bytes, start));
    },
  });
  connection.send(subscribeLine(subject, 1));
  await connection.flushed();
  return {
    get entries() {
      return entries;
    },
    headers: 0,
    check: connection.check,
    stopReading: connection.stopReading,
    close: connection.close,
  };
}
