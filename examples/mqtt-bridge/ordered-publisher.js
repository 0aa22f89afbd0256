// @ts-check
/**
 * The messages on their way into one stream: a queue that is sent in batches. A message leaves it when the gateway has
 * acknowledged or refused it, so what was on the way when a connection ended goes again, in its order.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** Bounds of a batch: it is to be one message of the client, so that none overtakes one that goes again. */
const BATCH_MESSAGES = 250;
const BATCH_BYTES = 128 * 1024;
/** Errors after which the same message can be stored later. */
const PASSING = new Set(["APPEND_UNKNOWN", "REDIS_UNAVAILABLE", "REDIS_FULL", "INTERNAL", "SHUTTING_DOWN"]);
/** How long to wait before it goes again, ms. */
const PAUSE_MS = 500;

/**
 * @typedef {{
 *   stored(payload: Buffer): void,
 *   refused(payload: Buffer, why: string): void,
 *   again(messages: number): void,
 *   failed(error: Error): void,
 * }} Told What became of messages. `failed`: the gateway takes none, and never will.
 */

/**
 * @param {() => import("../../dist/client/index.js").Push} open opens a way into the stream
 * @param {Told} told
 * @param {AbortSignal} signal ends it at once
 */
export function createLane(open, told, signal) {
  /** @type {Buffer[]} */
  let queue = [];
  let push = open();
  /** @type {Promise<void> | undefined} */
  let draining;

  async function drain() {
    try {
      while (queue.length > 0 && !signal.aborted) await sendBatch();
    } finally {
      // Not a turn later: what is added then would wait for nobody.
      draining = undefined;
    }
  }

  async function sendBatch() {
    const batch = takeBatch();
    const outcomes = await Promise.allSettled(batch.map((payload) => push.send(payload)));
    if (signal.aborted) return;
    /** @type {Buffer[]} */
    const again = [];
    let isOver = false;
    for (const [index, payload] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status !== "rejected") told.stored(payload);
      else if (PASSING.has(outcome.reason.code)) again.push(payload);
      else {
        // A refusal of an entry leaves the connection; one that ended it is about this message, or about all.
        isOver ||= outcome.reason.closeCode !== undefined || outcome.reason.status !== undefined;
        if (isOver && outcome.reason.code !== "TOO_LARGE") return told.failed(outcome.reason);
        told.refused(payload, outcome.reason.message);
      }
    }
    if (isOver) push = open();
    if (again.length === 0) return;
    queue = [...again, ...queue];
    told.again(again.length);
    await sleep(PAUSE_MS);
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
    /** Resolves when all that can be sent has been. */
    async close() {
      await draining;
      await push.close();
    },
  };
}
