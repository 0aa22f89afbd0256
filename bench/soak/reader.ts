/**
 * A reader of the soak. It looks at every entry: that its number is the one after the last, or with `latest` at least a
 * greater one.
 */
import { follow, type Kind } from "./follow.ts";

/** A reader at work. */
export interface Reader {
  readonly kind: Kind;
  /** The number that it waits for. */
  readonly next: number;
  /** Sleeps and vanishes no more, so that it can come to the end. */
  settle(): void;
  close(): void;
}

/** What a reader tells. */
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
      if (!isRight) events.report(`${name}: entry ${number} (${id}) came in the place of ${next}`);
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
