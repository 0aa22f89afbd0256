/**
 * Pushers and readers that use the Python package. The package reconnects and resumes by itself, so a reader has one session:
 * entries after its cursor, once and in order.
 */
import { compareIds, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import type { PlannedPythonPusher, PlannedPythonReader } from "../plan.ts";
import type { CuttingProxy } from "../processes/cutting-proxy.ts";
import type { GapEvent, Push } from "../verdict/history.ts";
import { StreamRecord } from "../verdict/stream-record.ts";
import { PythonProcess, startProxy } from "./python-process.ts";
import type { Pusher, Recording } from "./recorder.ts";

interface PusherLine {
  readonly sent?: readonly number[];
  readonly orders?: readonly number[];
  readonly outcomes?: readonly ({ readonly id: string } | { readonly code: string })[];
  readonly end?: true;
}

/** A running pusher. */
export class PythonPusher implements Pusher {
  readonly pushes: Push[] = [];
  readonly #planned: PlannedPythonPusher;
  readonly #name: string;
  readonly #recording: Recording;
  readonly #process: PythonProcess;
  #hasEnded = false;

  private constructor(
    proxy: CuttingProxy,
    planned: PlannedPythonPusher,
    number: number,
    recording: Recording,
  ) {
    this.#planned = planned;
    this.#name = `python${number}`;
    this.#recording = recording;
    const { stream, batch, everyMs, entryBytes: bytes, dedupe } = planned;
    const options = { do: "push", name: this.#name, stream, batch, everyMs, bytes, dedupe };
    this.#process = new PythonProcess(proxy, `Python pusher ${number}`, options, (line) =>
      this.#take(line as PusherLine),
    );
  }

  static async start(planned: PlannedPythonPusher, number: number, recording: Recording) {
    const proxy = await startProxy(planned.seed, planned.gateway, recording);
    return new PythonPusher(proxy, planned, number, recording);
  }

  get open(): number {
    return this.#hasEnded || this.death !== undefined ? 0 : 1;
  }

  get death(): string | undefined {
    return this.#process.death;
  }

  vanish(): void {
    this.#process.proxy.cut();
  }

  stop(): void {
    this.#process.settle();
  }

  close(): void {
    this.#process[Symbol.dispose]();
  }

  #take({ sent = [], orders = [], outcomes = [], end }: PusherLine): void {
    const { stream, dedupe } = this.#planned;
    for (const order of sent)
      this.pushes.push({
        stream,
        key: `${this.#name}.${order}`,
        connection: this.#name,
        order,
        // With `dedupe` any entry may have been sent again. Without, an entry whose outcome is unknown may be stored late.
        resent: true,
        outcome: undefined,
      });
    orders.forEach((order, i) => {
      const push = this.pushes[order];
      const outcome = outcomes[i];
      if (push === undefined || outcome === undefined) return;
      push.outcome = outcome;
      push.resent = dedupe || ("code" in outcome && outcome.code === "APPEND_UNKNOWN");
      if ("id" in outcome) this.#acknowledged(outcome.id);
    });
    if (end) this.#hasEnded = true;
  }

  #acknowledged(text: string): void {
    const { acknowledged } = this.#recording;
    const id = parseId(text) ?? FIRST_ID;
    const { stream } = this.#planned;
    if (compareIds(id, acknowledged.get(stream) ?? FIRST_ID) > 0) acknowledged.set(stream, id);
  }
}

interface ReaderLine {
  readonly stream: string;
  readonly id: string;
  readonly key: string;
  readonly gap: { readonly after: string; readonly before: string } | null;
}

/** A running reader, recorded as one reader of each stream. */
export class PythonReader {
  readonly readers: readonly StreamRecord[];
  /** Entries and gaps that it received of each stream. */
  readonly events = new Map<string, GapEvent[]>();
  readonly #process: PythonProcess;

  private constructor(
    proxy: CuttingProxy,
    planned: PlannedPythonReader,
    number: number,
    recording: Recording,
    streamNames: readonly string[],
  ) {
    const { streams, from, latest, isSlow, seed } = planned;
    const name = `Python reader ${number}`;
    const selected = streamNames.filter((stream) => streams === "s*" || streams.split("+").includes(stream));
    this.readers = selected.map((stream) => new StreamRecord(this, name, stream, latest));
    for (const reader of this.readers) reader.begin(from, 0, recording);
    for (const stream of selected) this.events.set(stream, []);
    this.#process = new PythonProcess(
      proxy,
      name,
      { do: "pull", streams, from, latest, isSlow, seed },
      (line) => this.#take(line as ReaderLine),
    );
  }

  static async start(
    planned: PlannedPythonReader,
    number: number,
    recording: Recording,
    streamNames: readonly string[],
  ) {
    const proxy = await startProxy(planned.seed, planned.gateway, recording);
    return new PythonReader(proxy, planned, number, recording, streamNames);
  }

  get death(): string | undefined {
    return this.#process.death;
  }

  settle(): void {
    this.#process.settle();
  }

  close(): void {
    this.#process[Symbol.dispose]();
  }

  #take({ stream, id, key, gap }: ReaderLine): void {
    this.readers.find(({ history }) => history.stream === stream)?.takeNamed({ id, key });
    const events = this.events.get(stream);
    if (gap !== null) events?.push(gap);
    events?.push({ id });
  }
}
