/** Sends files into the stream `file`, one part after the other. A lost connection delays a part, and does not lose it. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { type Push, type Status, StreamerError } from "../../../client/browser.ts";
import { sleep } from "../../../src/domain/scheduling/sleep.ts";
import { errorText } from "../../page/format.ts";
import { shownStatus } from "../connection-text.ts";
import { type PushClient, randomKey } from "../sending/stream-push.ts";
import { type FilePart, fieldsOfFile, partsOf, problemOfFile } from "./file-parts.ts";

/** Name of the stream. */
export const FILE_STREAM = "file";

/** State of the files. */
export type FileState =
  | { readonly kind: "off" }
  | {
      readonly kind: "sending";
      readonly name: string;
      readonly sentBytes: number;
      readonly bytes: number;
      readonly entries: number;
    }
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string; readonly needsLogin: boolean };

/** Pause before a part that Redis could not store is sent again. */
const REPEAT_MS = 1000;

/** Sends files. */
export class FileSender {
  readonly #client: Pick<PushClient, "push">;
  readonly #state = signal<FileState>({ kind: "off" });
  readonly #status = signal<Status | undefined>(undefined);
  #abort: AbortController | undefined;

  constructor(client: Pick<PushClient, "push">) {
    this.#client = client;
  }

  get state(): ReadonlySignal<FileState> {
    return this.#state;
  }

  /** State of the connection; undefined without one. */
  get status(): ReadonlySignal<Status | undefined> {
    return this.#status;
  }

  get isActive(): boolean {
    return this.#state.value.kind === "sending";
  }

  /** Sends files in order. Nothing is sent if one of them cannot be. */
  async send(device: string, files: readonly File[]): Promise<void> {
    if (this.isActive || files.length === 0) return;
    const problem = files.map(problemOfFile).find((one) => one !== undefined);
    if (problem !== undefined) {
      this.#state.value = { kind: "refused", reason: problem, needsLogin: false };
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    const { signal: stopped } = abort;
    const push = this.#client.push(FILE_STREAM, {
      ...{ device, signal: stopped, dedupe: randomKey() },
      onStatus: (status) => {
        if (!stopped.aborted) this.#status.value = shownStatus(this.#status.value, status);
      },
    });
    try {
      let entries = 0;
      for (const file of files) entries = await this.#sendFile(push, file, stopped, entries);
      const names = files.length === 1 ? (files[0]?.name ?? "") : `${files.length} files`;
      this.#state.value = { kind: "done", text: `${names}: stored as ${countOf(entries)}.` };
    } catch (error) {
      this.#state.value = stopped.aborted ? this.#stoppedState() : refusedBy(error);
    } finally {
      this.#status.value = undefined;
      abort.abort();
    }
  }

  /** Stops. Parts that are stored remain. */
  discard(): void {
    this.#abort?.abort();
  }

  async #sendFile(push: Push, file: File, stopped: AbortSignal, before: number): Promise<number> {
    const fields = fieldsOfFile(file);
    let entries = before;
    this.#state.value = { kind: "sending", name: file.name, sentBytes: 0, bytes: file.size, entries };
    for await (const part of partsOf(file)) {
      await sendPart(push, part, fields, stopped);
      entries++;
      const sentBytes = part.offset + part.data.length;
      this.#state.value = { kind: "sending", name: file.name, sentBytes, bytes: file.size, entries };
    }
    return entries;
  }

  #stoppedState(): FileState {
    const state = this.#state.value;
    if (state.kind !== "sending") return { kind: "off" };
    return { kind: "done", text: `Stopped. ${state.name} is incomplete: ${countOf(state.entries)} stored.` };
  }
}

/** Sends a part, again while Redis is unavailable. @throws StreamerError, or the signal's reason */
async function sendPart(
  push: Push,
  { data, offset }: FilePart,
  fields: Readonly<Record<string, string>>,
  stopped: AbortSignal,
): Promise<void> {
  for (;;) {
    stopped.throwIfAborted();
    try {
      await push.send(data, { fields: { ...fields, offset: String(offset) } });
      return;
    } catch (error) {
      if (!(error instanceof StreamerError && error.code === "REDIS_UNAVAILABLE")) throw error;
      await sleep(REPEAT_MS);
    }
  }
}

const countOf = (entries: number): string => (entries === 1 ? "1 entry" : `${entries} entries`);

function refusedBy(error: unknown): FileState {
  const needsLogin = error instanceof StreamerError && error.code === "UNAUTHENTICATED";
  return { kind: "refused", reason: `Not sent: ${errorText(error)}.`, needsLogin };
}
