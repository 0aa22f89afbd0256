/** Server-sent events (WHATWG HTML, section 9.2, "Server-sent events"). */

/** One event. */
export interface SseEvent {
  /** What a browser sends back as `Last-Event-ID`; holds no line break. */
  readonly id?: string;
  /** The name that listeners are registered for; absent is `message`. */
  readonly event?: string;
  /** Any text; absent sets the id alone. */
  readonly data?: string;
}

/** Encodes one event. */
export function encodeSse({ id, event, data }: SseEvent): string {
  const lines: string[] = [];
  if (event !== undefined) lines.push(`event: ${oneLine(event)}`);
  if (id !== undefined) lines.push(`id: ${oneLine(id)}`);
  // Every kind of line break in the text would end a field: each line becomes a field of its own.
  if (data !== undefined) for (const line of data.split(/\r\n|\r|\n/)) lines.push(`data: ${line}`);
  return `${lines.join("\n")}\n\n`;
}

/**
 * Event names with a meaning of their own: `open` and `error` are events of `EventSource` itself, the others are sent by
 * the gateway or reserved for it. An entry never has one of them, whatever its stream is called.
 */
const RESERVED_EVENTS: ReadonlySet<string> = new Set(["open", "error", "gap", "joined", "left", "state"]);

/** Precedes a stream name that is reserved, or that begins with the prefix itself. */
const STREAM_PREFIX = "stream:";

/** The event name of a stream's entries: its name, or `stream:` and its name where that would be ambiguous. */
export const eventNameOf = (stream: string): string =>
  RESERVED_EVENTS.has(stream) || stream.startsWith(STREAM_PREFIX) ? STREAM_PREFIX + stream : stream;

/** A line that readers ignore: it keeps proxies from closing a quiet connection. */
export const SSE_HEARTBEAT = ": still here\n\n";

/** How soon (ms) a browser reconnects. */
export const encodeSseRetry = (ms: number): string => `retry: ${ms}\n\n`;

const oneLine = (text: string): string => text.replace(/[\r\n\0]/g, " ");
