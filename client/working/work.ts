/**
 * Worker that reconnects by itself. The gateway bounds the jobs that it holds by permits, so they are not bounded again here. When
 * a connection closes, the gateway gives its jobs to other workers: those that wait here are dropped, and those that are being
 * processed can no longer be settled.
 */

import { within } from "../../src/domain/scheduling/timeout.ts";
import type { WorkEntry } from "../../src/wire/work/work-decoder.ts";
import { linkSignal } from "../connection/abort.ts";
import { type Channel, createChannel } from "../connection/channel.ts";
import { keepSession, type SessionHandlers } from "../connection/session.ts";
import { badMessage } from "../errors.ts";
import { pathSegment } from "../gateway/address.ts";
import { type Gateway, namingQuery } from "../gateway/gateway.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import { FORMAT } from "../reading/msgpack.ts";
import { hasPattern } from "../reading/pattern-position.ts";
import type { Socket } from "../transport/transport.ts";
import { ReceivedJob, type SettleJob } from "./job.ts";
import { JobLoop } from "./job-loop.ts";
import { Settlements } from "./settlements.ts";
import { type DecodedMessage, decodeMessage } from "./work-messages.ts";
import type { Job, RunOptions, Work, WorkOptions } from "./work-options.ts";

const WORK_OPTIONS: OptionNames<WorkOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ group: true, consumer: true, from: true, permits: true, ackWait: true, maxDeliver: true },
  ...{ deadLetter: true, delete: true, onLost: true },
};

const ACK_WAIT_MS = 30_000;
const RETRY_DELAY_MS = 1_000;
/** Time (ms) that the gateway has to answer when a loop is left. */
const SETTLE_MS = 5_000;
/** Progress reports per `ackWait`. */
const REPORTS_PER_WAIT = 3;

/** Creates the jobs of a group. */
export function createWork(
  gateway: Gateway,
  streams: string | readonly string[],
  options: WorkOptions,
): Work {
  checkOptions(options, WORK_OPTIONS);
  const names = [...new Set(typeof streams === "string" ? streams.split("+") : streams)];
  return {
    [Symbol.asyncIterator]: () => jobs(gateway, names, options),
    run: (handler, runOptions = {}) => run(gateway, names, options, handler, runOptions),
  };
}

function jobs(gateway: Gateway, names: readonly string[], options: WorkOptions): JobLoop {
  const worker = new Worker(gateway, names, options);
  return new JobLoop({
    takeNow: () => (options.signal?.aborted ? undefined : worker.takeNow()),
    arrivals: arrivals(gateway, worker, options),
  });
}

/** Connects a worker as long as its loop runs. */
async function* arrivals(
  gateway: Gateway,
  worker: Worker,
  options: WorkOptions,
): AsyncGenerator<void, void, undefined> {
  const controller = linkSignal(options.signal);
  const { signal } = controller;
  const connection = keepSession(gateway, worker, signal, options.onStatus).catch((error: unknown) =>
    worker.end(error),
  );
  try {
    while (await worker.arrive()) {
      signal.throwIfAborted();
      yield;
    }
  } finally {
    if (!signal.aborted) await within(SETTLE_MS, worker.settled());
    controller.abort();
    controller.unlink();
    await connection;
  }
}

async function run(
  gateway: Gateway,
  names: readonly string[],
  options: WorkOptions,
  handler: (job: Job) => unknown,
  { concurrency = 1, retryDelay = RETRY_DELAY_MS, onError }: RunOptions,
): Promise<never> {
  const { ackWait = ACK_WAIT_MS, permits = concurrency, signal } = options;
  // The jobs that are running when the signal aborts still settle over the connection.
  const controller = new AbortController();
  const worker = new Worker(gateway, names, { ...options, permits: Math.max(permits, concurrency) });
  const connection = keepSession(gateway, worker, controller.signal, options.onStatus).catch(
    (error: unknown) => worker.end(error),
  );
  const stop = () => worker.end(signal?.reason);
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });

  async function process(job: Job): Promise<void> {
    const reporting = setInterval(() => void job.progress(), ackWait / REPORTS_PER_WAIT);
    try {
      await handler(job);
      await job.ack();
    } catch (error) {
      onError?.(error, job);
      await job.nack({ delay: Math.min(retryDelay, ackWait) });
    } finally {
      clearInterval(reporting);
    }
  }

  async function processAll(): Promise<never> {
    for (;;) {
      signal?.throwIfAborted();
      const job = await worker.takeInTurn();
      if (job === undefined) throw signal?.reason;
      await process(job);
    }
  }

  const running = Array.from({ length: concurrency }, processAll);
  try {
    return await Promise.race(running);
  } finally {
    worker.end(undefined);
    await Promise.allSettled(running);
    signal?.removeEventListener("abort", stop);
    controller.abort();
    await connection;
  }
}

/** Jobs of one message. */
interface Batch {
  readonly jobs: readonly Job[];
  /** Connection over which they arrived. */
  readonly session: number;
}

/** Receives jobs and settles them, over as many connections as it takes. */
class Worker implements SessionHandlers {
  readonly #url: string;
  readonly #options: WorkOptions;
  readonly #names: readonly string[];
  readonly #channel: Channel<Batch>;
  /** Jobs that are being taken, and the position of the next one. */
  #batch: Batch = { jobs: [], session: 0 };
  #at = 0;
  readonly #settlements: Settlements;
  /** Settles when the earlier calls of `takeInTurn` have. */
  #taking: Promise<unknown> = Promise.resolve();
  /** Number of the current connection. */
  #session = 0;

  constructor(gateway: Gateway, names: readonly string[], options: WorkOptions) {
    this.#options = options;
    this.#names = names;
    this.#settlements = new Settlements(names.length > 1, gateway.transport);
    this.#channel = createChannel({
      // Permits limit the entries in flight, so their bytes need no limit.
      highBytes: Number.POSITIVE_INFINITY,
      capBytes: Number.POSITIVE_INFINITY,
      onFull: () => undefined,
      onDrained: () => undefined,
    });
    const { group } = options;
    this.#url = gateway.address.socket(`data/${pathSegment(names)}/work/${pathSegment([group], "group")}`, {
      format: FORMAT,
      confirm: true,
      pattern: names.some((name) => hasPattern([name], options.device)) ? false : undefined,
      consumer: options.consumer,
      from: options.from,
      permits: options.permits,
      ack_wait: options.ackWait,
      max_deliver: options.maxDeliver,
      dead_letter: options.deadLetter,
      delete: options.delete,
      ...namingQuery(options),
    });
  }

  /** Like `take`, for several callers at the same time. */
  takeInTurn(): Promise<Job | undefined> {
    const taking = this.#taking.then(() => this.#take());
    this.#taking = taking.catch(() => undefined);
    return taking;
  }

  /** Returns the next job that has arrived and still belongs to this worker. */
  takeNow(): Job | undefined {
    const { jobs, session } = this.#batch;
    return session === this.#session ? jobs[this.#at++] : undefined;
  }

  /** Waits for the next batch of jobs. @returns false at the end @throws the error passed to `end` */
  async arrive(): Promise<boolean> {
    const batch = await this.#channel.take();
    if (batch === undefined) return false;
    this.#batch = batch;
    this.#at = 0;
    return true;
  }

  /** Returns the next job that still belongs to this worker; undefined at the end. @throws the error passed to `end` */
  async #take(): Promise<Job | undefined> {
    for (;;) {
      const job = this.takeNow();
      if (job !== undefined || !(await this.arrive())) return job;
    }
  }

  end(error: unknown): void {
    this.#channel.end(error);
  }

  /** Resolves when everything that was settled is answered, or the connection has closed. */
  settled(): Promise<void> {
    return this.#settlements.drained();
  }

  url(): string {
    return this.#url;
  }

  opened(socket: Socket): void {
    this.#session++;
    this.#settlements.open(socket);
  }

  closed(): void {
    this.#session++;
    this.#settlements.closed();
  }

  isDue(): boolean {
    return this.#settlements.areOwed;
  }

  received(message: Uint8Array | string): boolean {
    if (typeof message === "string") throw badMessage("a text message instead of MessagePack");
    const decoded: DecodedMessage = decodeMessage(message);
    if ("entries" in decoded) this.#offer(decoded.entries);
    else if ("late" in decoded) this.#settlements.answered(decoded.late);
    else
      this.#options.onLost?.(
        decoded.lost.map(({ stream, id }) => ({ stream: stream ?? this.#names[0] ?? "", id })),
      );
    return true;
  }

  #offer(entries: readonly WorkEntry[]): void {
    const session = this.#session;
    const settle: SettleJob = (job, action, further) =>
      session === this.#session ? this.#settlements.add(action, job, further) : Promise.resolve(false);
    this.#channel.offer({ jobs: entries.map((entry) => new ReceivedJob(entry, settle)), session }, 0);
  }
}
