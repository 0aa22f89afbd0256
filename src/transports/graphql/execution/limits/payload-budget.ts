/**
 * Limits the payloads of one operation. A short query can select the last entries of a thousand cameras, which are hundreds
 * of megabytes. An operation therefore reads few payloads at a time, reserves memory before each read, and fails when its
 * limit is reached. The text of fields is counted, too, because each alias creates its own copy.
 */
import pLimit from "p-limit";
import type { MemoryLease } from "../../../../access/limits/memory-budget.ts";
import { GatewayError } from "../../../../domain/errors.ts";
import { bytesOf, type Entry } from "../../../../domain/streams/entry.ts";

/** Maximum number of concurrent reads of payloads in one operation. */
const READS_AT_A_TIME = 4;

/** Target size of one read, in bytes. */
const STEP_BYTES = 1024 * 1024;

/** Memory per payload byte: the entry, the text of its fields, the JSON of the answer, and its encoded bytes. */
export const EXPANSION = 5;

/** Less is not counted: a small operation then waits for memory only if it reads payloads. */
const MIN_HELD_BYTES = 32 * 1024;

/** Limit of field text, as a multiple of the limit of payloads. Base64 and text of each payload fit. */
const RESULT_FACTOR = 3;

/** Remaining payload budget of one operation. */
export interface PayloadBudget {
  /** Target size of one read, in bytes. */
  readonly stepBytes: number;
  /**
   * Reserves memory for the rest of the operation: its running resolvers, and the facts about its streams.
   *
   * @returns undefined if there is room at once
   * @throws GatewayError OVERLOADED if no memory became free in time
   */
  hold(bytes: number): Promise<void> | undefined;
  /**
   * Waits for memory, reads, and subtracts the size of the entries from the budget.
   *
   * @param expectedBytes expected size of the payloads
   * @param read called with the divisor that turns `MAX_ANSWER_BYTES` into the remaining budget
   * @param entriesOf returns the entries of the answer
   * @throws GatewayError TOO_LARGE if the budget is used up, OVERLOADED if no memory became free in time
   */
  gather<Answer>(
    expectedBytes: number,
    read: (among: number) => Promise<Answer>,
    entriesOf: (answer: Answer) => readonly Entry[],
  ): Promise<Answer>;
  /**
   * Waits for memory for metadata, and subtracts its size from the budget.
   *
   * @returns false if the budget has no room for it
   * @throws GatewayError OVERLOADED if no memory became free in time
   */
  take(bytes: number): Promise<boolean>;
  /** Counts the text of a field. @throws GatewayError TOO_LARGE if it exceeds the budget */
  show(text: string): string;
  /** Counts the text of a field by its length, as `show`. @throws GatewayError TOO_LARGE */
  count(characters: number): void;
  /** Returns the error of a payload for which nothing of the budget is left. */
  tooLarge(): GatewayError;
  /** Resets the budget for the next event of a subscription, whose last result has been sent. */
  restart(): void;
  /**
   * Lets an operation end early. If its memory has been released, because its client has disconnected, its next read calls
   * back and never ends: failing every field would take longer than executing it, and keep its payloads in memory until then.
   */
  whenAbandoned(callback: () => void): void;
}

/** Limits of the payloads of one operation, and its memory. */
export interface PayloadBudgetOptions {
  /** `GRAPHQL_MAX_ANSWER_BYTES`. */
  readonly maxBytes: number;
  /** `MAX_ANSWER_BYTES`, which `gather` divides for each read. */
  readonly readBytes: number;
  readonly lease: MemoryLease;
}

/** Creates the budget of one operation. */
export function createPayloadBudget({ maxBytes, readBytes, lease }: PayloadBudgetOptions): PayloadBudget {
  const inTurn = pLimit(READS_AT_A_TIME);
  const alone = pLimit(1);
  // A lease supports only one pending request.
  const reserving = pLimit(1);
  let left = maxBytes;
  let shown = 0;
  /** Memory of pending and completed reads, and of `hold`. */
  let reserved = 0;
  let onAbandoned: (() => void) | undefined;

  let known: GatewayError | undefined;
  /** One error for all fields, of which there may be thousands. */
  const tooLarge = () =>
    (known ??= new GatewayError(
      "TOO_LARGE",
      `the payloads of the operation must be at most ${maxBytes} bytes together (GRAPHQL_MAX_ANSWER_BYTES); request fewer`,
    ));

  /** Reserves memory for one read. */
  async function reserve(expected: number): Promise<void> {
    try {
      await reserving(() => lease.grow(expected));
    } catch (error) {
      if (onAbandoned === undefined || !lease.isReleased()) throw error;
      onAbandoned();
      await new Promise<never>(() => undefined);
    }
  }

  function count(characters: number): void {
    shown += characters;
    if (shown > maxBytes * RESULT_FACTOR) throw tooLarge();
  }

  return {
    hold(bytes) {
      if (bytes < MIN_HELD_BYTES) return undefined;
      const waiting = lease.tryGrow(bytes) ? undefined : reserve(bytes);
      if (waiting === undefined) reserved += bytes;
      return waiting?.then(() => {
        reserved += bytes;
      });
    },
    stepBytes: Math.min(STEP_BYTES, maxBytes),
    gather: (expectedBytes, read, entriesOf) =>
      // Large reads run one at a time, because each depends on the budget that the previous one leaves.
      (expectedBytes > STEP_BYTES ? alone : inTurn)(async () => {
        if (left <= 0) throw tooLarge();
        const expected = Math.min(expectedBytes, Math.max(left, STEP_BYTES)) * EXPANSION;
        await reserve(expected);
        reserved += expected;
        let found = 0;
        try {
          const answer = await read(Math.max(1, readBytes / left));
          found = bytesOf(entriesOf(answer));
          left -= found;
          return answer;
        } finally {
          reserved += found * EXPANSION - expected;
          lease.set(reserved);
        }
      }),
    async take(bytes) {
      if (bytes > left) return false;
      left -= bytes;
      await reserve(bytes * EXPANSION);
      reserved += bytes * EXPANSION;
      return true;
    },
    show(text) {
      count(text.length);
      return text;
    },
    count,
    tooLarge,
    restart() {
      left = maxBytes;
      shown = 0;
      reserved = 0;
      lease.set(0);
    },
    whenAbandoned(callback) {
      onAbandoned = callback;
    },
  };
}
