/**
 * Reader of the soak test. It checks every entry: its number must follow the previous one, or with `latest` be greater.
 */
import { follow, type Kind } from "./follow.ts";

/** A running reader. */
export interface Reader {
  readonly kind: Kind;
  /** Number of the next expected entry. */
  readonly next: number;
  /** Stops sleeping and disconnecting, so that the reader can reach the end. */
  settle(): void;
  close(): void;
}

/** Callbacks of a reader. */
export interface ReaderEvents {
  report(problem: string): void;
  see?(number: number, id: string): void;
}

/** Starts a reader at the beginning of a stream. */
export function startReader(port: number, stream: string, kind: Kind, events: ReaderEvents): Reader {
  const name = `${kind} reader of ${stream}`;
  let next = 0;
  let cursor = "0";
  const follower = follow({
    port: () => port,
    stream,
    kind,
    cursor: () => cursor,
    random: Math.random,
    take(id, payload) {
      const number = Number.parseInt(payload, 10);
      const isRight = kind === "latest" ? number >= next : number === next;
      if (!isRight) events.report(`${name}: expected entry ${next}, got entry ${number} (${id})`);
      if (id !== undefined) events.see?.(number, id);
      next = number + 1;
      cursor = id ?? cursor;
    },
    lost: (why) => events.report(`${name}: ${why}`),
  });
  return {
    kind,
    get next() {
      return next;
    },
    settle: follower.settle,
    close() {
      follower.settle();
      follower.close();
    },
  };
}
