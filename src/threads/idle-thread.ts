/** A thread that starts when it is needed first, and ends some time after it was needed last. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** Time in ms without work after which the thread ends. */
const IDLE_MS = 10_000;
/**
 * Memory for new objects (MB). V8's default is 48, which a thread at full speed fills, although its objects live for one batch or
 * one chunk. Large buffers are elsewhere.
 */
const MAX_NEW_OBJECTS_MB = 6;

/** Script of a thread, and its callbacks. */
export interface IdleThreadOptions<FromThread> {
  /** Name of the bundled script. */
  readonly script: string;
  /** Work of the thread, for errors: `writes MCAP files`. */
  readonly work: string;
  readonly onMessage: (message: FromThread) => void;
  /** Called when the thread ended by itself. The next message starts another one. */
  readonly onFailed: (error: Error) => void;
}

/** Thread that is started by a message, and ends when it is idle. */
export class IdleThread<ToThread, FromThread> {
  readonly #options: IdleThreadOptions<FromThread>;
  #worker: Worker | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: IdleThreadOptions<FromThread>) {
    this.#options = options;
  }

  /** Returns the function that sends messages to the thread of this moment. Starts one if there is none. @throws Error if its script is missing */
  running(): (message: ToThread, transfer?: readonly ArrayBuffer[]) => void {
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return (message, transfer = []) => worker.postMessage(message, transfer);
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** Ends the thread some time from now, unless it is needed until then. */
  endSoon(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.close(), IDLE_MS).unref();
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const { script, work, onMessage, onFailed } = this.#options;
    const worker = new Worker(scriptPath(script), {
      resourceLimits: { maxYoungGenerationSizeMb: MAX_NEW_OBJECTS_MB },
    });
    worker.on("message", onMessage);
    const failed = (error: Error) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      onFailed(error);
    };
    worker.on("error", failed);
    worker.on("exit", (code) => failed(new Error(`the thread that ${work} ended with code ${code}`)));
    // The process may end while the thread is idle.
    worker.unref();
    return worker;
  }
}

/** Path of a script: beside this file, in `dist` beside its modules, or below the sources, as Node 20 cannot load TypeScript. */
function scriptPath(name: string): string {
  const path = [`./${name}.js`, `../../bin/${name}.js`, `../../dist/bin/${name}.js`]
    .map((one) => fileURLToPath(new URL(one, import.meta.url)))
    .find((one) => existsSync(one));
  if (path === undefined) throw new Error(`the script ${name} of a thread is missing; run: npm run prepare`);
  return path;
}
