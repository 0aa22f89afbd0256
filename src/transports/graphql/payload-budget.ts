/**
 * What the payloads of one operation may take. A thousand streams are a short query, and the last entries of a thousand
 * cameras hundreds of megabytes: so an operation gathers payloads with few reads at a time, and no more when it has its share.
 */
import pLimit from "p-limit";
import type { Entry } from "../../domain/entry.ts";
import { GatewayError } from "../../domain/errors.ts";
import { bytesOf } from "../../redis/entry-sizes.ts";

/** Reads that gather payloads, under way in one operation. */
const READS_AT_A_TIME = 4;

/** Bytes that one read gathers, about, where it can choose. */
const STEP_BYTES = 1024 * 1024;

/** What is left for payloads in one operation. */
export interface PayloadBudget {
  /** What one read is to gather, in bytes, about. */
  readonly stepBytes: number;
  /**
   * Reads when it is its turn, and takes what that brought from the budget.
   *
   * @param entriesOf the entries of the answer
   * @throws GatewayError TOO_LARGE where nothing is left
   */
  gather<Answer>(
    read: () => Promise<Answer>,
    entriesOf: (answer: Answer) => readonly Entry[],
  ): Promise<Answer>;
}

/** Makes the budget of one operation. @param bytes `MAX_ANSWER_BYTES` */
export function createPayloadBudget(bytes: number): PayloadBudget {
  const inTurn = pLimit(READS_AT_A_TIME);
  let left = bytes;
  return {
    stepBytes: Math.min(STEP_BYTES, bytes),
    gather: (read, entriesOf) =>
      inTurn(async () => {
        if (left <= 0)
          throw new GatewayError(
            "TOO_LARGE",
            `the operation's payloads have more than ${bytes} bytes; ask for fewer`,
          );
        const answer = await read();
        left -= bytesOf(entriesOf(answer));
        return answer;
      }),
  };
}
