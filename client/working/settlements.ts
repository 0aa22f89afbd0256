/**
 * Settlements of a worker: the outcomes of its jobs, sent as one message per kind, for all jobs that end together. The gateway answers the
 * messages in order, with the jobs that were too late.
 */
import { createFifo } from "../../src/domain/fifo.ts";
import type { NamedWork } from "../../src/wire/work/work-decoder.ts";
import type { Socket, Transport } from "../transport/transport.ts";
import type { JobAction } from "./job.ts";

/** A job as it is named in messages. */
interface JobName {
  readonly stream: string;
  readonly id: string;
}

interface Settlement {
  readonly job: JobName;
  settle(isMine: boolean): void;
}

/** Settlements of one kind, which fit one message: the action and its further members. */
interface Batch {
  readonly action: JobAction;
  readonly further: Readonly<Record<string, unknown>> | undefined;
  readonly settlements: Settlement[];
}

/** Maximum number of jobs in one message, well below the gateway's limit. */
const MAX_JOBS = 1000;

/** Sends settlements and matches their answers. */
export class Settlements {
  readonly #namesStreams: boolean;
  readonly #transport: Pick<Transport, "atTurnEnd">;
  #waiting = new Map<string, Batch>();
  readonly #sent = createFifo<readonly Settlement[]>();
  #socket: Socket | undefined;
  #isScheduled = false;
  #watchers: (() => void)[] = [];

  /** @param namesStreams whether messages name the stream of a job */
  constructor(namesStreams: boolean, transport: Pick<Transport, "atTurnEnd">) {
    this.#namesStreams = namesStreams;
    this.#transport = transport;
  }

  /** Whether an answer from the gateway is due. */
  get areOwed(): boolean {
    return this.#sent.size > 0;
  }

  open(socket: Socket): void {
    this.#socket = socket;
  }

  /** Settles a job. @returns whether it still belonged to this worker */
  add(action: JobAction, job: JobName, further?: Readonly<Record<string, unknown>>): Promise<boolean> {
    if (this.#socket === undefined) return Promise.resolve(false);
    const batch = this.#batchOf(action, further);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      // Soon if the gateway has answered everything, so that it does not wait for the other workers of this process. Else at the end of
      // the turn, so that jobs which end one by one do not cause a message each.
      this.#transport.atTurnEnd(() => {
        this.#isScheduled = false;
        this.#transmit();
      }, !this.areOwed);
    }
    return new Promise((settle) => batch.settlements.push({ job, settle }));
  }

  /** Handles the answer to the oldest message. */
  answered(late: readonly NamedWork[]): void {
    const settlements = this.#sent.take() ?? [];
    if (late.length === 0) for (const { settle } of settlements) settle(true);
    else {
      const missed = new Set(late.map(({ stream, id }) => nameOf(stream, id)));
      for (const { job, settle } of settlements)
        settle(!missed.has(nameOf(this.#namesStreams ? job.stream : undefined, job.id)));
    }
    this.#wake();
  }

  /** Call when the connection has closed: the gateway gives the jobs to other workers. */
  closed(): void {
    this.#socket = undefined;
    const waiting = [...this.#waiting.values()].map(({ settlements }) => settlements);
    this.#waiting = new Map();
    for (const { settle } of [...this.#sent.takeAll(), ...waiting].flat()) settle(false);
    this.#wake();
  }

  /** Resolves when nothing waits for an answer. */
  async drained(): Promise<void> {
    while (this.#waiting.size > 0 || this.areOwed)
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  #batchOf(action: JobAction, further: Readonly<Record<string, unknown>> | undefined): Batch {
    const kind = further === undefined ? action : JSON.stringify([action, further]);
    const known = this.#waiting.get(kind);
    if (known !== undefined) return known;
    const batch = { action, further, settlements: [] };
    this.#waiting.set(kind, batch);
    return batch;
  }

  #transmit(): void {
    const batches = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (const { action, further, settlements } of batches)
      for (let from = 0; from < settlements.length; from += MAX_JOBS) {
        const part = settlements.slice(from, from + MAX_JOBS);
        const names = part.map(({ job: { stream, id } }) => (this.#namesStreams ? [stream, id] : id));
        this.#sent.add(part);
        this.#socket?.send(JSON.stringify({ [action]: names, ...further }));
      }
  }

  #wake(): void {
    const woken = this.#watchers;
    this.#watchers = [];
    for (const resolve of woken) resolve();
  }
}

const nameOf = (stream: string | undefined, id: string): string => `${id} ${stream ?? ""}`;
