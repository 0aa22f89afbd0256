/** Entry yielded by the client's loops, with methods that decode its payload. */
import { textOf } from "../src/wire/utf8.ts";
import type { StreamEntry } from "./codec.ts";
import { finalError, StreamerError } from "./errors.ts";

/** An entry yielded by a loop. */
export interface PulledEntry extends StreamEntry {
  /** True if entries before this one were trimmed before they were read. */
  readonly gap: boolean;
  /** Time the entry was added, Unix ms: the first half of its id. */
  readonly timeMs: number;
  /** The payload as text. @throws StreamerError BAD_PAYLOAD if it is not UTF-8 */
  text(): string;
  /** The payload as JSON. @throws StreamerError BAD_PAYLOAD if it is not JSON */
  json(): unknown;
  /** A copy of the payload, which does not keep the whole message in memory. */
  bytes(): Uint8Array;
}

const methods = {
  text(this: PulledEntry): string {
    const text = textOf(this.data);
    if (text === undefined) throw badPayload(this, "UTF-8");
    return text;
  },
  json(this: PulledEntry): unknown {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw error instanceof StreamerError ? error : badPayload(this, "JSON", error);
    }
  },
  bytes(this: PulledEntry): Uint8Array {
    return this.data.slice();
  },
  get timeMs(): number {
    return Number.parseInt((this as unknown as PulledEntry).id, 10);
  },
};

/** Creates the entry that a loop yields. All entries share one prototype, which saves memory per entry. */
export const createPulledEntry = (entry: StreamEntry, gap: boolean): PulledEntry =>
  Object.assign(Object.create(methods), entry, { gap });

const badPayload = ({ stream, id }: StreamEntry, what: string, cause?: unknown) =>
  finalError("BAD_PAYLOAD", `entry ${id} of "${stream}" is not ${what}`, cause);
