/**
 * Bounds on the payloads of one operation. A thousand streams are a short query, and the last entries of a thousand cameras
 * are hundreds of megabytes. So an operation reads few payloads at a time, reserves memory before each read, and stops
 * when it has its share. What its fields show is counted too: each alias makes a text of its own.
 */
import pLimit from "p-limit";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import { bytesOf, type Entry } from "../../../domain/entry.ts";
import { GatewayError } from "../../../domain/errors.ts";

/** Reads that gather payloads, under way in one operation. */
const READS_AT_A_TIME = 4;

/** Bytes that one read gathers, about, where it can choose. */
const STEP_BYTES = 1024 * 1024;

/** Memory per byte of payload: the entry, the texts of its fields, the JSON of the answer, and its bytes. */
const EXPANSION = 5;

/** Texts of fields may have so many times the bytes that payloads may have: base64 and text of each payload fit. */
const RESULT_FACTOR = 3;

/** What is left for payloads in one operation. */
export interface PayloadBudget {
  /** What one read is to gather, in bytes, about. */
  readonly stepBytes: number;
  /**
   * Waits for memory, reads, and takes what the read brought from the budget.
   *
   * @param expectedBytes payloads that the read may bring
   * @param read is called with the divisor of `MAX_ANSWER_BYTES` that leaves what the operation has left
   * @param entriesOf the entries of the answer
   * @throws GatewayError TOO_LARGE where nothing is left, OVERLOADED where no memory became free
   */
  gather<Answer>(
    expectedBytes: number,
    read: (among: number) => Promise<Answer>,
    entriesOf: (answer: Answer) => readonly Entry[],
  ): Promise<Answer>;
  /** Counts the text of a field. @throws GatewayError TOO_LARGE where it does not fit any more */
  show(text: string): string;
  /** Begins a further result of the operation, as each event of a subscription is one. */
  restart(): void;
}

/** Makes the budget of one operation. @param bytes `MAX_ANSWER_BYTES` @param lease memory of the operation */
export function createPayloadBudget(bytes: number, lease: MemoryLease): PayloadBudget {
  const inTurn = pLimit(READS_AT_A_TIME);
  const alone = pLimit(1);
  // A lease waits for one thing at a time.
  const reserving = pLimit(1);
  let left = bytes;
  let shown = 0;
  /** Memory of reads that are under way or done. */
  let reserved = 0;

  const tooLarge = () =>
    new GatewayError("TOO_LARGE", `the payloads of the operation exceed ${bytes} bytes; request fewer`);

  return {
    stepBytes: Math.min(STEP_BYTES, bytes),
    gather: (expectedBytes, read, entriesOf) =>
      // A large read waits for what the one before it has left.
      (expectedBytes > STEP_BYTES ? alone : inTurn)(async () => {
        if (left <= 0) throw tooLarge();
        const expected = Math.min(expectedBytes, Math.max(left, STEP_BYTES)) * EXPANSION;
        await reserving(() => lease.grow(expected));
        reserved += expected;
        let found = 0;
        try {
          const answer = await read(Math.max(1, bytes / left));
          found = bytesOf(entriesOf(answer));
          left -= found;
          return answer;
        } finally {
          reserved += found * EXPANSION - expected;
          lease.set(reserved);
        }
      }),
    show(text) {
      shown += text.length;
      if (shown > bytes * RESULT_FACTOR) throw tooLarge();
      return text;
    },
    restart() {
      shown = 0;
    },
  };
}
