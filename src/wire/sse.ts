/** Encoder of server-sent events (WHATWG HTML, section 9.2). */

import type { Pieces } from "./pieces.ts";

/** One event. */
export interface SseEvent {
  /** Sent back by a browser as `Last-Event-ID`; must not contain a line break. */
  readonly id?: string;
  /** Event type for `addEventListener`; `message` if absent. */
  readonly event?: string;
  /** Any text; if absent, the event only sets the id. */
  readonly data?: string;
}

/** Encodes one event. */
export function encodeSse({ id, event, data }: SseEvent): string {
  const lines: string[] = [];
  if (event !== undefined) lines.push(`event: ${oneLine(event)}`);
  if (id !== undefined) lines.push(`id: ${oneLine(id)}`);
  // A line break of any kind would end the field, so each line becomes its own field.
  if (data !== undefined) for (const line of data.split(/\r\n|\r|\n/)) lines.push(`data: ${line}`);
  return `${lines.join("\n")}\n\n`;
}

/** Encodes an event whose data are UTF-8 without a line break, such as JSON. The data are not copied. */
export const encodeSseLine = (event: string, data: Pieces): readonly (string | Uint8Array)[] => [
  `event: ${oneLine(event)}\ndata: `,
  ...data,
  "\n\n",
];

/**
 * Reserved event names: `open` and `error` are events of `EventSource` itself, the others are sent by the gateway or
 * reserved for it. Entries never use them, even if a stream has such a name.
 */
const RESERVED_EVENTS: ReadonlySet<string> = new Set(["open", "error", "gap", "joined", "left", "state"]);

/** Prefix of stream names that are reserved, or that begin with the prefix itself. */
const STREAM_PREFIX = "stream:";

/** Returns the event name of a stream's entries: the stream name, prefixed with `stream:` if it would be ambiguous. */
export const eventNameOf = (stream: string): string =>
  RESERVED_EVENTS.has(stream) || stream.startsWith(STREAM_PREFIX) ? STREAM_PREFIX + stream : stream;

/** A comment line, which readers ignore. It keeps proxies from closing an idle connection. */
export const SSE_HEARTBEAT = ": still here\n\n";

/** Encodes the delay (ms) before a browser reconnects. */
export const encodeSseRetry = (ms: number): string => `retry: ${ms}\n\n`;

const oneLine = (text: string): string => text.replace(/[\r\n\0]/g, " ");
