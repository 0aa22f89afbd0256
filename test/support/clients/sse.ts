/** Reads server-sent events as a browser does (WHATWG HTML, 9.2.6, "Interpreting an event stream"). */
import type { OpenAnswer } from "./http.ts";

/** One event that a page would see. */
export interface SeenEvent {
  readonly event: string;
  readonly data: string;
  /** The last event id when it was dispatched. */
  readonly id: string;
}

/** A reader of one response. */
export interface EventReader {
  /** Returns the next event; undefined at the end of the response. */
  next(): Promise<SeenEvent | undefined>;
  /** Returns the next comment line, skipping events; undefined at the end of the response. */
  comment(): Promise<string | undefined>;
  /** The id with which a browser would reconnect now. */
  lastEventId(): string;
  /** The reconnection time that the server requested, ms. */
  retry(): number | undefined;
}

/** Creates a reader. */
export function readEvents(answer: OpenAnswer): EventReader {
  const decoder = new TextDecoder();
  let text = "";
  let lastEventId = "";
  let retry: number | undefined;
  let idBuffer = "";
  let event = "";
  let data: string[] = [];

  async function line(): Promise<string | undefined> {
    for (;;) {
      // A carriage return at the end may be the first half of a line ending.
      const match = /\r\n|\n|\r(?!$)/.exec(text);
      if (match !== null) {
        const found = text.slice(0, match.index);
        text = text.slice(match.index + match[0].length);
        return found;
      }
      const chunk = await answer.next();
      if (chunk === undefined) return undefined;
      text += decoder.decode(chunk, { stream: true });
    }
  }

  function dispatch(): SeenEvent | undefined {
    lastEventId = idBuffer;
    const seen =
      data.length > 0
        ? { event: event === "" ? "message" : event, data: data.join("\n"), id: lastEventId }
        : undefined;
    event = "";
    data = [];
    return seen;
  }

  async function step(): Promise<SeenEvent | string | undefined | null> {
    const found = await line();
    if (found === undefined) return undefined;
    if (found === "") return dispatch() ?? null;
    if (found.startsWith(":")) return found.slice(1);
    const colon = found.indexOf(":");
    const field = colon < 0 ? found : found.slice(0, colon);
    const value = colon < 0 ? "" : found.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) idBuffer = value;
    else if (field === "retry" && /^\d+$/.test(value)) retry = Number(value);
    return null;
  }

  async function until<T extends SeenEvent | string>(
    wanted: (found: SeenEvent | string) => found is T,
  ): Promise<T | undefined> {
    for (;;) {
      const found = await step();
      if (found === undefined) return undefined;
      if (found !== null && wanted(found)) return found;
    }
  }

  return {
    next: () => until((found): found is SeenEvent => typeof found !== "string"),
    comment: () => until((found): found is string => typeof found === "string"),
    lastEventId: () => lastEventId,
    retry: () => retry,
  };
}
