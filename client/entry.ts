/** An entry as loops get it, with the views on its payload. */
import { textOf } from "../src/wire/utf8.ts";
import type { StreamEntry } from "./codec.ts";
import { StreamerError } from "./errors.ts";

/** An entry of a loop. */
export interface PulledEntry extends StreamEntry {
  /** Entries before this one were trimmed away before they could be read: the loop has a gap here. */
  readonly gap: boolean;
  /** When it was added, ms since 1970: the first half of its id. */
  readonly timeMs: number;
  /** The payload as text. @throws StreamerError BAD_PAYLOAD where it is not UTF-8 */
  text(): string;
  /** The payload as JSON. @throws StreamerError BAD_PAYLOAD where it is none */
  json(): unknown;
  /** The payload as bytes of its own, which keep no message in memory. */
  bytes(): Uint8Array;
}

const views = {
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

/** Makes the entry of a loop. The views are shared by all entries, since there are many. */
export const createPulledEntry = (entry: StreamEntry, gap: boolean): PulledEntry =>
  Object.assign(Object.create(views), entry, { gap });

const badPayload = ({ stream, id }: StreamEntry, what: string, cause?: unknown) =>
  new StreamerError("BAD_PAYLOAD", `entry ${id} of "${stream}" is not ${what}`, { retryable: false, cause });
