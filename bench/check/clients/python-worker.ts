/**
 * Worker of a consumer group that uses the Python package: a loop that settles, forgets and leaves at random, or a handler that
 * fails and takes long.
 */
import type { CuttingProxy } from "../processes/cutting-proxy.ts";
import type { WorkerHistory } from "../verdict/history.ts";
import { PythonProcess, startProxy } from "./python-process.ts";
import type { Recording } from "./recorder.ts";
import { ACK_WAIT_MS, GROUP } from "./worker.ts";

/** Options of a worker. */
export interface PythonWorkerOptions {
  readonly name: string;
  readonly streams: readonly string[];
  /** Whether it runs a handler instead of a loop. */
  readonly handles: boolean;
  /** Index of its first gateway. */
  readonly gateway: number;
  /** Seed of its behaviour and of its cut connections. */
  readonly seed: number;
  readonly port: Recording["port"];
}

type Name = readonly [stream: string, id: string];

interface WorkerLine {
  readonly job?: Name;
  readonly key?: string;
  readonly sent?: Name;
  readonly confirmed?: Name;
  readonly deadLettered?: Name;
  readonly lost?: readonly Name[];
}

/** A running worker. */
export class PythonWorker {
  readonly history: WorkerHistory;
  readonly #process: PythonProcess;

  private constructor(proxy: CuttingProxy, { name, streams, handles, seed }: PythonWorkerOptions) {
    this.history = { name, received: [], sent: [], confirmed: [], deadLettered: [], lost: [] };
    this.#process = new PythonProcess(
      proxy,
      name,
      { do: "work", streams, group: GROUP, ackWaitMs: ACK_WAIT_MS, handles, seed },
      (line) => this.#take(line as WorkerLine),
    );
  }

  static async start(options: PythonWorkerOptions): Promise<PythonWorker> {
    return new PythonWorker(await startProxy(options.seed, options.gateway, options), options);
  }

  get death(): string | undefined {
    return this.#process.death;
  }

  /** Acknowledges everything from now on. */
  settle(): void {
    this.#process.settle();
  }

  close(): void {
    this.#process[Symbol.dispose]();
  }

  #take({ job, key = "", lost = [], ...settled }: WorkerLine): void {
    const { received, sent, confirmed, deadLettered } = this.history;
    if (job !== undefined) received.push({ ...named(job), key });
    if (settled.sent !== undefined) sent.push(named(settled.sent));
    if (settled.confirmed !== undefined) confirmed.push(named(settled.confirmed));
    if (settled.deadLettered !== undefined) deadLettered.push(named(settled.deadLettered));
    this.history.lost.push(...lost.map(named));
  }
}

const named = ([stream, id]: Name) => ({ stream, id });
