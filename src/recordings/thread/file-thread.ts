/** A thread that writes MCAP files, seen from the event loop: started for the first file, and ended some time after the last. */
import { createFifo } from "../../domain/fifo.ts";
import type { Gap, StreamEntries } from "../../domain/streams/entry.ts";
import { IdleThread } from "../../threads/idle-thread.ts";
import { packEntries } from "../entry-batch.ts";
import type { FileOptions, FromThread, ToThread } from "./messages.ts";
import { MIN_SPARE_BYTES, SpareBuffers } from "./spare-buffers.ts";

/** Receives the events of a file. */
export interface FileHooks {
  /** The next bytes of a file without a path. */
  readonly onBytes?: (bytes: Uint8Array) => void;
  /** The thread added a batch. @param size size of the file so far */
  readonly onTaken?: (size: number) => void;
  readonly onEnded: (size: number) => void;
  /** The file could not be written further, and is closed. */
  readonly onFailed: (error: NodeJS.ErrnoException) => void;
}

/** Receives an exception of a file's hooks. It fails that file; the others of the thread continue. */
export type OnHookException = (exception: unknown) => void;

/** A file that is being written. After its end or its failure, all methods do nothing. */
export interface OpenFile {
  /** States the metadata of a stream, JSON, for its entries from now on. */
  describe(key: string, meta: string | undefined): void;
  /** States that the file lacks the metadata of a stream. */
  addUnread(key: string, reason: string): void;
  /** Adds entries. @param groups by stream key, in order */
  add(groups: readonly StreamEntries[]): void;
  /** Returns the bytes of batches that the thread has not added yet. */
  bytesInFlight(): number;
  addGap(gap: Gap): void;
  /** Gives back bytes that `onBytes` received, for the next ones. They are empty afterwards. */
  giveBack(bytes: Uint8Array): void;
  /** Writes the end of the file. */
  end(): void;
  /** Closes the file as it is, without further events. */
  abort(): void;
}

/** Thread that writes the files of recordings and exports. */
export class FileThread {
  readonly #onException: OnHookException;
  readonly #files = new Map<number, ThreadFile>();
  readonly #spares = new SpareBuffers();
  readonly #thread = new IdleThread<ToThread, FromThread>({
    ...{ script: "thread", work: "writes MCAP files" },
    onMessage: (message) => this.#receive(message),
    onFailed: (error) => {
      const files = [...this.#files.values()];
      this.#files.clear();
      for (const file of files) file.fail(error);
    },
  });
  #lastFile = 0;

  constructor(onException: OnHookException) {
    this.#onException = onException;
  }

  /** Creates a file. Errors are reported by its hooks. */
  open(options: FileOptions, hooks: FileHooks): OpenFile {
    const id = ++this.#lastFile;
    const post = this.#thread.running();
    const send: SendMessage = (message, transfer) => {
      post({ ...message, file: id }, transfer);
      if (message.type === "abort") this.#forget(id);
    };
    const file = new ThreadFile(hooks, this.#spares, send, this.#onException);
    this.#files.set(id, file);
    post({ type: "open", file: id, options });
    return file;
  }

  /** Ends the thread. Files that are open remain as they are. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  #receive(message: FromThread): void {
    const file = this.#files.get(message.file);
    if (message.type === "taken" && this.#files.size > 0) this.#spares.give(message.buffer);
    if (message.type === "ended" || message.type === "failed") this.#forget(message.file);
    file?.receive(message);
  }

  #forget(id: number): void {
    this.#files.delete(id);
    if (this.#files.size > 0) return;
    this.#spares.clear();
    this.#thread.endSoon();
  }
}

/** A `ToThread` without its file. */
type FileMessage<M = ToThread> = M extends ToThread ? Omit<M, "file"> : never;

type SendMessage = (message: FileMessage, transfer: readonly ArrayBuffer[]) => void;

class ThreadFile implements OpenFile {
  readonly #hooks: FileHooks;
  readonly #spares: SpareBuffers;
  readonly #send: SendMessage;
  readonly #onException: OnHookException;
  /** Sizes of the batches that were sent and not added yet. */
  readonly #batches = createFifo<number>();
  #bytesInFlight = 0;
  #isClosed = false;

  constructor(hooks: FileHooks, spares: SpareBuffers, send: SendMessage, onException: OnHookException) {
    this.#hooks = hooks;
    this.#spares = spares;
    this.#send = send;
    this.#onException = onException;
  }

  describe(key: string, meta: string | undefined): void {
    this.#post({ type: "describe", key, meta });
  }

  addUnread(key: string, reason: string): void {
    this.#post({ type: "unread", key, reason });
  }

  add(groups: readonly StreamEntries[]): void {
    if (this.#isClosed) return;
    const batch = packEntries(groups, (size) => this.#spares.take(size));
    const { length, buffer } = batch.bytes;
    this.#batches.add(length);
    this.#bytesInFlight += length;
    this.#post({ type: "entries", batch }, [buffer]);
  }

  bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  addGap(gap: Gap): void {
    this.#post({ type: "gap", gap });
  }

  giveBack({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength >= MIN_SPARE_BYTES)
      this.#post({ type: "spare", buffer }, [buffer]);
  }

  end(): void {
    this.#post({ type: "end" });
  }

  abort(): void {
    this.#post({ type: "abort" });
    this.#isClosed = true;
  }

  receive(message: FromThread): void {
    try {
      this.#receive(message);
    } catch (exception) {
      this.#onException(exception);
      this.#post({ type: "abort" });
      this.fail(exception as Error);
    }
  }

  #receive(message: FromThread): void {
    if (this.#isClosed) return;
    const { onBytes, onTaken, onEnded } = this.#hooks;
    switch (message.type) {
      case "bytes":
        onBytes?.(message.bytes);
        break;
      case "taken":
        this.#bytesInFlight -= this.#batches.take() ?? 0;
        onTaken?.(message.size);
        break;
      case "ended":
        this.#isClosed = true;
        onEnded(message.size);
        break;
      case "failed":
        this.fail(Object.assign(new Error(message.message), message.code && { code: message.code }));
        break;
      default:
        message satisfies never;
    }
  }

  fail(error: NodeJS.ErrnoException): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#bytesInFlight = 0;
    try {
      this.#hooks.onFailed(error);
    } catch (exception) {
      this.#onException(exception);
    }
  }

  #post(message: FileMessage, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#isClosed) this.#send(message, transfer);
  }
}
