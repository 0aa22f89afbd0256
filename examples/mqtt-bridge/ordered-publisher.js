// @ts-check
/**
 * Publishes the messages of one stream in order: a queue that is sent in batches. A message leaves the queue when the
 * gateway has acknowledged or rejected it, so messages in flight when a connection closes are sent again in order.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** Limits of a batch. A batch is one message of the client, so that no entry overtakes one that is sent again. */
const BATCH_MESSAGES = 250;
const BATCH_BYTES = 128 * 1024;
/** Codes of errors after which a message is sent again. */
const RETRYABLE = new Set(["APPEND_UNKNOWN", "REDIS_UNAVAILABLE", "REDIS_FULL", "INTERNAL", "SHUTTING_DOWN"]);
/** Delay before messages are sent again, ms. */
const RETRY_MS = 500;

/**
 * @typedef {{
 *   stored(payload: Buffer): void,
 *   rejected(payload: Buffer, reason: string): void,
 *   resent(messages: number): void,
 *   failed(error: Error): void,
 * }} Callbacks Outcomes of messages. `failed`: the gateway rejects all messages, and a retry cannot succeed.
 */

/**
 * @param {() => import("../../dist/client/index.js").Push} open opens a push to the stream
 * @param {Callbacks} callbacks
 * @param {AbortSignal} signal stops it immediately
 */
export function createOrderedPublisher(open, callbacks, signal) {
  /** @type {Buffer[]} */
  let queue = [];
  let push = open();
  /** @type {Promise<void> | undefined} */
  let draining;

  async function drain() {
    try {
      while (queue.length > 0 && !signal.aborted) await sendBatch();
    } finally {
      // Reset in the same event-loop turn. A message added later would otherwise never be sent.
      draining = undefined;
    }
  }

  async function sendBatch() {
    const batch = takeBatch();
    const outcomes = await Promise.allSettled(batch.map((payload) => push.send(payload)));
    if (signal.aborted) return;
    /** @type {Buffer[]} */
    const again = [];
    let isClosed = false;
    for (const [index, payload] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status !== "rejected") callbacks.stored(payload);
      else if (RETRYABLE.has(outcome.reason.code)) again.push(payload);
      else {
        // If the connection stays open, only this entry was rejected. If it closed, this message or all messages are invalid.
        isClosed ||= outcome.reason.closeCode !== undefined || outcome.reason.status !== undefined;
        if (isClosed && outcome.reason.code !== "TOO_LARGE") return callbacks.failed(outcome.reason);
        callbacks.rejected(payload, outcome.reason.message);
      }
    }
    if (isClosed) push = open();
    if (again.length === 0) return;
    queue = [...again, ...queue];
    callbacks.resent(again.length);
    await sleep(RETRY_MS);
  }

  function takeBatch() {
    let bytes = 0;
    let size = 0;
    while (size < Math.min(queue.length, BATCH_MESSAGES)) {
      bytes += queue[size]?.length ?? 0;
      if (size > 0 && bytes > BATCH_BYTES) break;
      size++;
    }
    return queue.splice(0, size);
  }

  return {
    add(/** @type {Buffer} */ payload) {
      queue.push(payload);
      draining ??= drain();
    },
    /** Resolves when all messages have been sent, as far as possible. */
    async close() {
      await draining;
      await push.close();
    },
  };
}
