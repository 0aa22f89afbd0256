/**
 * Publisher of a subject. Entries that are pushed together share a WebSocket frame, as NATS's own client does: nats-server
 * handles that faster than one frame per entry.
 */

import {
  BINARY,
  clientHeaderBytes,
  LONGEST_CLIENT_HEADER_BYTES,
  maskAt,
  writeClientFrame,
  writeClientHeader,
} from "../../load/clients/frames.ts";
import type { WebSocketPusher } from "../../load/clients/websocket-pusher.ts";
import { filler, STAMP_BYTES, stampMasked } from "../../load/entry.ts";
import { openNats } from "./connection.ts";
import { PAYLOAD_END, publishLine, subscribeLine } from "./protocol.ts";

const WRITE_BYTES = 64 * 1024;
const MAX_ENTRIES_A_WRITE = 256;
/** Start of a JetStream acknowledgement; that of a rejection is `{"error":`. */
const STORED = '{"stream":';
const INBOX = "_INBOX.bench";

let inboxes = 0;

/**
 * @param entryBytes length of each entry
 * @param onAcknowledged called once for all acknowledgements of JetStream that arrive together; without it, entries are
 *   published without storage
 */
export async function openNatsPusher(
  port: number,
  subject: string,
  entryBytes: number,
  onAcknowledged?: () => void,
): Promise<WebSocketPusher> {
  if (entryBytes < STAMP_BYTES)
    throw new Error(`entryBytes must be at least ${STAMP_BYTES}, got ${entryBytes}`);
  let pushed = 0;
  let acknowledged = 0;
  const connection = await openNats({
    port,
    message: (bytes, start, payloadBytes) => {
      const head = bytes.toString("latin1", start, start + Math.min(payloadBytes, STORED.length));
      if (head !== STORED) throw new Error(`expected an acknowledgement of JetStream, got ${head}`);
      acknowledged++;
    },
    ...(onAcknowledged !== undefined && { received: onAcknowledged }),
  });
  const inbox = onAcknowledged === undefined ? "" : `${INBOX}-${++inboxes}`;
  if (inbox !== "") connection.send(subscribeLine(inbox, 1));
  await connection.flushed();

  const line = Buffer.from(publishLine(subject, inbox, entryBytes));
  const unit = Buffer.concat([line, filler(entryBytes), Buffer.from(PAYLOAD_END)]);
  const max = Math.max(1, Math.min(MAX_ENTRIES_A_WRITE, Math.floor(WRITE_BYTES / unit.length)));
  const pattern = createPattern(unit, max);
  const free: Buffer[] = [];

  return {
    get pushed() {
      return pushed;
    },
    get acknowledged() {
      return acknowledged;
    },
    push(count) {
      for (let left = count; left > 0; ) {
        const entries = Math.min(left, max);
        const buffer = free.pop() ?? Buffer.from(pattern);
        const now = performance.now();
        for (let i = 0; i < entries; i++) {
          const at = i * unit.length + line.length;
          stampMasked(buffer, LONGEST_CLIENT_HEADER_BYTES + at, pushed + i, now, maskAt(at));
        }
        const payloadBytes = entries * unit.length;
        const from = LONGEST_CLIENT_HEADER_BYTES - clientHeaderBytes(payloadBytes);
        writeClientHeader(buffer, from, BINARY, payloadBytes);
        const frame = buffer.subarray(from, LONGEST_CLIENT_HEADER_BYTES + payloadBytes);
        connection.socket.write(frame, () => free.push(buffer));
        pushed += entries;
        left -= entries;
      }
    },
    check: connection.check,
    close: connection.close,
  };
}

/** Creates a masked payload of `count` units, with room before it for the longest header. */
function createPattern(unit: Buffer, count: number): Buffer {
  const payload = Buffer.concat(Array.from({ length: count }, () => unit));
  const pattern = Buffer.alloc(LONGEST_CLIENT_HEADER_BYTES + payload.length);
  writeClientFrame(pattern, LONGEST_CLIENT_HEADER_BYTES - clientHeaderBytes(payload.length), BINARY, payload);
  return pattern;
}
