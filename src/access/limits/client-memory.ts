/**
 * The memory budgets of a gateway: one for data received from clients, one for data sent to them, and one for the streams
 * that clients follow. Each client has a share of each. Without memory, a request waits and is then rejected with `OVERLOADED`, and a reader is paused.
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

/** Uses of memory for streams that are followed: in subscriptions, and by workers of consumer groups. */
const STREAM_USES = ["streams"] as const;
/**
 * Part of `TOTAL_ANSWER_BYTES` that the streams of all clients may use, in addition to it. They have a budget of their own
 * because clients hold it for as long as they like: it must not take the memory that reads and responses wait for.
 */
const OF_ANSWERS = 1 / 2;

type ReceiveUse = (typeof RECEIVE_USES)[number];
type AnswerUse = (typeof ANSWER_USES)[number];

/** Memory that clients can make the gateway use. */
export interface ClientMemory {
  /** Opens a lease on `TOTAL_RECEIVE_BYTES`. */
  receive(use: ReceiveUse, visitor: Visitor): MemoryLease;
  /** Opens a lease on `TOTAL_ANSWER_BYTES`. */
  answer(use: AnswerUse, visitor: Visitor): MemoryLease;
  /** Opens a lease for streams that a client follows, on half of `TOTAL_ANSWER_BYTES` that is separate from the answers. */
  streams(visitor: Visitor): MemoryLease;
  /** Uploads that hold leases of `receive`. */
  readonly uploads: Uploads;
  /** Returns whether any lease waits for memory. */
  isShort(): boolean;
  /** Counters by use: a fixed set. */
  counts(): Iterable<readonly [use: string, counts: Readonly<MemoryCounts>]>;
}

/** Bounds of the budgets. */
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

/** Creates the budgets. */
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
  const streams = budget(STREAM_USES, totalAnswerBytes * OF_ANSWERS);
  return {
    uploads: new Uploads(receive.isShort, options.onStalledUpload),
    receive: (use, visitor) => receive.open(use, accountName(visitor)),
    answer: (use, visitor) => answer.open(use, accountName(visitor)),
    streams: (visitor) => streams.open("streams", accountName(visitor)),
    isShort: () => receive.isShort() || answer.isShort(),
    counts: () => [receive, answer, streams].flatMap(({ counts }) => Object.entries(counts)),
  };
}
