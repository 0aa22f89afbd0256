/**
 * The two memory budgets of a gateway: one for data received from clients, one for data sent to them. Each client has a
 * share of both. Without memory, a request waits and is then rejected with `OVERLOADED`, and a reader is paused.
 */
import type { Visitor } from "../admission.ts";
import { accountName } from "./limits.ts";
import type { MemoryCounts } from "./memory-accounts.ts";
import { createMemoryBudget, type MemoryBudget, type MemoryLease } from "./memory-budget.ts";
import { Uploads } from "./upload-memory.ts";

/** Maximum bytes that a client may hold of each reserve: a page of history of the default size. */
const SMALL_BYTES = 256 * 1024;

/** Uses of memory for received data: HTTP bodies, WebSocket messages, and entries that wait for Redis. */
const RECEIVE_USES = ["body", "message", "append"] as const;
/**
 * Uses of memory for data sent to clients: entries read for a response, results of GraphQL operations, and bytes written to
 * a connection that the client has not read yet.
 */
const ANSWER_USES = ["answer", "graphql", "unread"] as const;

type ReceiveUse = (typeof RECEIVE_USES)[number];
type AnswerUse = (typeof ANSWER_USES)[number];

/** Memory that clients can make the gateway use. */
export interface ClientMemory {
  /** Opens a lease on `TOTAL_RECEIVE_BYTES`. */
  receive(use: ReceiveUse, visitor: Visitor): MemoryLease;
  /** Opens a lease on `TOTAL_ANSWER_BYTES`. */
  answer(use: AnswerUse, visitor: Visitor): MemoryLease;
  /** Uploads that hold leases of `receive`. */
  readonly uploads: Uploads;
  /** Returns whether any lease waits for memory. */
  isShort(): boolean;
  /** Counters by use: a fixed set. */
  counts(): Iterable<readonly [use: string, counts: Readonly<MemoryCounts>]>;
}

/** Bounds of both budgets. */
export interface ClientMemoryOptions {
  readonly totalReceiveBytes: number;
  readonly totalAnswerBytes: number;
  /** Part of each total that one client may use. */
  readonly clientMemoryPercent: number;
  /** Longest wait, in ms. */
  readonly memoryWaitMs: number;
  /** Called for each upload that is ended because it stalled. */
  readonly onStalledUpload: () => void;
}

/** Creates both budgets. */
export function createClientMemory(options: ClientMemoryOptions): ClientMemory {
  const { totalReceiveBytes, totalAnswerBytes, clientMemoryPercent, memoryWaitMs: waitMs } = options;
  const budget = <Use extends string>(uses: readonly Use[], totalBytes: number): MemoryBudget<Use> =>
    createMemoryBudget({
      uses,
      totalBytes,
      shareBytes: (totalBytes * clientMemoryPercent) / 100,
      smallBytes: SMALL_BYTES,
      waitMs,
    });
  const receive = budget(RECEIVE_USES, totalReceiveBytes);
  const answer = budget(ANSWER_USES, totalAnswerBytes);
  return {
    uploads: new Uploads(receive.isShort, options.onStalledUpload),
    receive: (use, visitor) => receive.open(use, accountName(visitor)),
    answer: (use, visitor) => answer.open(use, accountName(visitor)),
    isShort: () => receive.isShort() || answer.isShort(),
    counts: () => [...Object.entries(receive.counts), ...Object.entries(answer.counts)],
  };
}
