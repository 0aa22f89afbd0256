/**
 * Reads stored JSON, such as the metadata of all listed streams. Other programs store values of any size, so a first read
 * takes the beginning of each value, and only small values are complete with it. Large ones are read afterwards: the
 * smallest first, few at a time, and each only if its reader has memory for it.
 */
import { InFlightGate } from "../../domain/scheduling/in-flight-gate.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import type { Commands } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import { collectReplies } from "./collect-replies.ts";

/** Size (bytes) up to which the first read of a value is complete. */
export const SMALL_VALUE_BYTES = 1024;

/** Maximum size (bytes) of the values that one round trip reads. A single value may be larger. */
const BATCH_BYTES = 256 * 1024;

/** Size (bytes) of the large values that are on their way for all clients. */
const BYTES_AT_ONCE = { small: 0, max: 1024 * 1024 };

/** Keys whose sizes one round trip reads. */
const SIZES_AT_ONCE = 1000;

/** Reads of a value that other programs change while it is read. */
const MAX_TRIES = 3;

/** A value that was not read: it exceeds the maximum size, or its reader has no memory for it. */
export class UnreadValue {
  /** Size in bytes. */
  readonly bytes: number;
  /** Maximum size that it exceeds; undefined if its reader did not admit it. */
  readonly maxBytes: number | undefined;

  constructor(bytes: number, maxBytes: number | undefined) {
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** A stored value; undefined if there is none. */
export type StoredValue = Buffer | UnreadValue | undefined;

/** Result of a first read: a complete value, `large`, or undefined if there is none. */
export type FirstRead = Buffer | "large" | undefined;

/** Options of a read of large values. */
export interface LargeRead {
  /** Client that reads: clients take turns. */
  readonly client: string;
  /** Returns whether the client still needs the values. After that, no further ones are read. */
  readonly isWanted?: (() => boolean) | undefined;
  /** Called before a value is read. Returns whether its reader has memory for it. */
  readonly admit: (bytes: number, key: string) => boolean | Promise<boolean>;
  /** Called with each value. Long work of it is divided into slices, one value at a time. */
  readonly onValue: (key: string, value: StoredValue) => void;
}

/** Returns the value of a read of one key. @param read passes on the value */
export async function onlyValue(
  read: (onValue: LargeRead["onValue"]) => Promise<void>,
): Promise<StoredValue> {
  let found: StoredValue;
  await read((_key, value) => {
    found = value;
  });
  return found;
}

/** Index of the last byte of a first read: one more than a small value has, which shows that there are more. */
const FIRST_READ_END = String(SMALL_VALUE_BYTES);

/** Returns the command of a first read. */
export const firstReadCommand = (key: string): readonly [string, string, string, string] => [
  "GETRANGE",
  key,
  "0",
  FIRST_READ_END,
];

/** Returns the result of a first read. An error reply, such as that of a key of another type, counts as no value. */
export function firstReadOf(reply: Reply | undefined): FirstRead {
  if (!Buffer.isBuffer(reply) || reply.length === 0) return undefined;
  return reply.length > SMALL_VALUE_BYTES ? "large" : reply;
}

/** Reads the beginning of values, in the order of the keys. @throws GatewayError if Redis does not reply */
export async function firstReads(
  commands: Pick<Commands, "send">,
  keys: readonly string[],
): Promise<readonly FirstRead[]> {
  return (await collectReplies(commands, keys.map(firstReadCommand))).map(firstReadOf);
}

/** A value with its size. */
interface Sized {
  readonly key: string;
  readonly bytes: number;
}

/** Reads large values, for all clients. */
export class LargeValues {
  readonly #reads: Pick<Commands, "send">;
  readonly #workSlices: WorkSlices;
  readonly #gate = new InFlightGate(BYTES_AT_ONCE);
  /** Maximum size of a value that is read, in bytes. */
  readonly maxBytes: number;

  /** @param reads connection for large replies */
  constructor(reads: Pick<Commands, "send">, maxBytes: number, workSlices: WorkSlices) {
    this.#reads = reads;
    this.maxBytes = maxBytes;
    this.#workSlices = workSlices;
  }

  /** Reads values, the smallest first. @throws GatewayError if Redis does not reply */
  async read(keys: readonly string[], options: LargeRead): Promise<void> {
    let missing = keys;
    for (let tries = 1; missing.length > 0; tries++)
      missing = await this.#read(await this.#sizesOf(missing), options, tries === MAX_TRIES);
  }

  /** @returns keys whose values have grown between the read of their size and their own */
  async #read(values: readonly Sized[], options: LargeRead, isLastTry: boolean): Promise<readonly string[]> {
    const { admit, onValue, client, isWanted = () => true } = options;
    const slices = this.#workSlices.begin();
    const grown: string[] = [];
    for (let next = 0; next < values.length && isWanted(); ) {
      const batch: Sized[] = [];
      let bytes = 0;
      for (; next < values.length; next++) {
        const value = values[next];
        if (value === undefined || (batch.length > 0 && bytes + value.bytes > BATCH_BYTES)) break;
        const isTooLarge = value.bytes > this.maxBytes;
        if (isTooLarge || !(await admit(value.bytes, value.key)))
          onValue(value.key, new UnreadValue(value.bytes, isTooLarge ? this.maxBytes : undefined));
        else {
          batch.push(value);
          bytes += value.bytes;
        }
      }
      if (batch.length === 0) continue;
      const replies = await this.#gate.run({ client, size: () => bytes, send: () => this.#request(batch) });
      for (const [i, { key, bytes: expected }] of batch.entries()) {
        if (slices.isOver()) await slices.next();
        const reply = replies[i];
        const found = Buffer.isBuffer(reply) && reply.length > 0 ? reply : undefined;
        if (found === undefined || found.length <= expected) onValue(key, found);
        else if (isLastTry) onValue(key, new UnreadValue(found.length, undefined));
        else grown.push(key);
      }
    }
    return grown;
  }

  /** Reads values up to one byte more than their size, so that a value that has grown is not larger than expected. */
  #request(batch: readonly Sized[]): Promise<readonly Reply[]> {
    return collectReplies(
      this.#reads,
      batch.map(({ key, bytes }) => ["GETRANGE", key, 0, bytes]),
    );
  }

  /** Returns the sizes of values, in ascending order: large ones must not take the memory of all others. */
  async #sizesOf(keys: readonly string[]): Promise<readonly Sized[]> {
    const sizes: Sized[] = [];
    for (let from = 0; from < keys.length; from += SIZES_AT_ONCE) {
      const some = keys.slice(from, from + SIZES_AT_ONCE);
      const replies = await collectReplies(
        this.#reads,
        some.map((key) => ["STRLEN", key]),
      );
      for (const [i, key] of some.entries()) {
        const bytes = replies[i];
        sizes.push({ key, bytes: typeof bytes === "number" ? bytes : 0 });
      }
    }
    return sizes.sort((a, b) => a.bytes - b.bytes);
  }
}
