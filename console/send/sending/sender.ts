/**
 * Sends one source as a stream: opens the capture, and pushes its readings.
 *
 * ```
 * off ──start──▶ asking ──▶ waiting ⇄ sending ──stop──▶ finishing ──▶ off
 *                  └─────▶ refused ◀─────┘   by the user, the device or the gateway
 * ```
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Status, StreamerError } from "../../../client/browser.ts";
import { errorText } from "../../page/format.ts";
import type { CaptureOutput, OpenCapture } from "../capture/capture.ts";
import { shownStatus } from "../connection-text.ts";
import { refusalOf } from "../sources/refusal.ts";
import type { Chosen, Source } from "../sources/source.ts";
import { type PushClient, StreamPush } from "./stream-push.ts";
import { NO_TRAFFIC, type Traffic } from "./traffic.ts";

/** State of a source. */
export type SenderState =
  | { readonly kind: "off" }
  | { readonly kind: "asking" }
  /** Open, but there is no reading, for the reason in `hint`. */
  | { readonly kind: "waiting"; readonly hint: string }
  | { readonly kind: "sending" }
  /** Stopped, while earlier entries are still being sent. */
  | { readonly kind: "finishing" }
  /** Ended; `reason` includes a remedy for the user. */
  | { readonly kind: "refused"; readonly reason: string; readonly needsLogin: boolean };

/** Interval at which figures and the reading are shown. */
const SHOW_MS = 500;

/** From start to stop. */
interface Run {
  readonly push: StreamPush;
  capture: OpenCapture | undefined;
}

/** Sends a source. */
export class Sender {
  readonly source: Source;
  readonly #client: PushClient;
  readonly #state = signal<SenderState>({ kind: "off" });
  readonly #status = signal<Status | undefined>(undefined);
  readonly #traffic = signal(NO_TRAFFIC);
  readonly #reading = signal("");
  readonly #preview = signal<HTMLVideoElement | undefined>(undefined);
  readonly #chosen: Signal<Chosen>;
  #newestReading = "";
  #run: Run | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(source: Source, client: PushClient) {
    this.source = source;
    this.#client = client;
    this.#chosen = signal(
      Object.fromEntries(Object.entries(source.choices).map(([name, { fallback }]) => [name, fallback])),
    );
  }

  get state(): ReadonlySignal<SenderState> {
    return this.#state;
  }

  /** State of the connection; undefined without one. */
  get status(): ReadonlySignal<Status | undefined> {
    return this.#status;
  }

  get traffic(): ReadonlySignal<Traffic> {
    return this.#traffic;
  }

  /** The newest reading, as text. */
  get reading(): ReadonlySignal<string> {
    return this.#reading;
  }

  get preview(): ReadonlySignal<HTMLVideoElement | undefined> {
    return this.#preview;
  }

  get chosen(): ReadonlySignal<Chosen> {
    return this.#chosen;
  }

  /** Whether the source is open, or entries of it are still being sent. */
  get isActive(): boolean {
    const { kind } = this.#state.value;
    return kind !== "off" && kind !== "refused";
  }

  /** Starts. Call it directly in the handler of a click: otherwise browsers refuse some permissions. */
  start(device: string): Promise<void> {
    if (this.#run !== undefined) return Promise.resolve();
    const { name: stream, delivery } = this.source;
    const run: Run = {
      capture: undefined,
      push: new StreamPush(this.#client, {
        ...{ device, stream, delivery },
        onStatus: (status) => (this.#status.value = shownStatus(this.#status.value, status)),
        onFailed: (error) => this.#end(run, refusedBy(error), errorText(error)),
        onIdle: () => this.#finish(run),
      }),
    };
    this.#run = run;
    this.#newestReading = "";
    this.#state.value = { kind: "asking" };
    this.#timer = setInterval(() => this.#show(run), SHOW_MS);
    return this.#open(run);
  }

  /** Stops the capture, and sends the waiting entries. */
  stop(): void {
    const run = this.#run;
    if (run === undefined || this.#state.value.kind === "finishing") return;
    this.#close(run);
    this.#state.value = { kind: "finishing" };
    this.#finish(run);
  }

  /** Stops at once, and drops the entries that wait. */
  discard(): void {
    if (this.#run !== undefined) this.#end(this.#run, { kind: "off" }, "they were discarded");
  }

  /** Changes a choice. An open capture is opened again with it. */
  async choose(name: string, value: string | number): Promise<void> {
    this.#chosen.value = { ...this.#chosen.value, [name]: value };
    const run = this.#run;
    if (run?.capture === undefined) return;
    this.#close(run);
    this.#state.value = { kind: "asking" };
    await this.#open(run);
  }

  async #open(run: Run): Promise<void> {
    const chosen = this.#chosen.value;
    const isCurrent = () =>
      this.#run === run && this.#state.value.kind !== "finishing" && this.#chosen.value === chosen;
    const output = this.#outputOf(run, isCurrent);
    try {
      const capture = await this.source.open(chosen, output);
      if (!isCurrent()) {
        capture.stop();
        return;
      }
      run.capture = capture;
      this.#preview.value = capture.preview;
      if (this.#state.value.kind === "asking") this.#state.value = { kind: "waiting", hint: "" };
      await run.push.declare(capture.declaration);
    } catch (error) {
      output.ended(error);
    }
  }

  #outputOf(run: Run, isCurrent: () => boolean): CaptureOutput {
    const sends = () => {
      if (this.#state.value.kind !== "sending") this.#state.value = { kind: "sending" };
    };
    return {
      get isReady() {
        return run.push.isReady;
      },
      entry: (data) => {
        if (!isCurrent()) return;
        sends();
        run.push.add(typeof data === "string" ? new TextEncoder().encode(data) : data);
      },
      skipped: () => {
        if (!isCurrent()) return;
        sends();
        run.push.skip();
      },
      reading: (text) => {
        if (isCurrent()) this.#newestReading = text;
      },
      waits: (hint) => {
        if (isCurrent()) this.#state.value = { kind: "waiting", hint };
      },
      ended: (error) => {
        const reason = refusalOf(error, this.source.sensor);
        if (isCurrent()) this.#end(run, { kind: "refused", reason, needsLogin: false }, reason);
      },
    };
  }

  /** Ends a run that is stopped, once nothing waits. */
  #finish(run: Run): void {
    if (this.#run !== run || this.#state.value.kind !== "finishing" || !run.push.isIdle) return;
    this.#end(run, { kind: "off" }, "");
  }

  #end(run: Run, state: SenderState, problem: string): void {
    if (this.#run !== run) return;
    this.#close(run);
    run.push.end(problem);
    clearInterval(this.#timer);
    this.#newestReading = "";
    this.#show(run);
    this.#run = undefined;
    this.#status.value = undefined;
    this.#state.value = state;
  }

  #close(run: Run): void {
    run.capture?.stop();
    run.capture = undefined;
    this.#preview.value = undefined;
  }

  #show({ push }: Run): void {
    this.#reading.value = this.#newestReading;
    this.#traffic.value = push.traffic;
  }
}

function refusedBy(error: unknown): SenderState {
  const needsLogin = error instanceof StreamerError && error.code === "UNAUTHENTICATED";
  return { kind: "refused", reason: `The gateway refused the stream: ${errorText(error)}.`, needsLogin };
}
