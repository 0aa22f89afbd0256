/**
 * Recorder: a subscription whose sink is a file of the recording thread. It is a reader like any other: if the thread is slow, it
 * is paused, and reads on from Redis at its cursors.
 */
import type { GatewayError } from "../../../domain/errors.ts";
import { bytesOf, type Gap, type StreamEntries } from "../../../domain/streams/entry.ts";
import type { Encoder, Sink } from "../../../live/sink.ts";
import type { SubscribedStream } from "../../../live/stream-state.ts";
import type { Subscription } from "../../../live/subscription.ts";
import { faultOf } from "../../../observe/faults.ts";
import type { FileThread, OpenFile } from "../../../recordings/thread/file-thread.ts";
import type { FileOptions } from "../../../recordings/thread/messages.ts";
import { DroppedEntries } from "../../../recordings/thread/new-objects.ts";
import type { StoredValue } from "../../../redis/registry/stored-values.ts";
import type { TransportParts } from "../../parts.ts";
import type { FileRoom } from "../../request/file-metas.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../request/follow-pattern.ts";
import type { RecordedStreams } from "../recorded-streams.ts";
import { FileDeclarations } from "./file-declarations.ts";
import { RecorderProgress } from "./progress.ts";

/** Bytes on their way to the thread at which the subscription is paused, and at which it continues. */
const FULL_BYTES = 8 * 1024 * 1024;
const DRAINED_BYTES = 4 * 1024 * 1024;
/**
 * Bytes of entries after which their memory is freed. V8 would do so in a collection of all objects, which takes 5 to 10 ms, for
 * every 64 MB.
 */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;
/** Time in ms without an entry after which those before a stop are not waited for any longer. */
const STALLED_MS = 5000;

/** Receives the events of a recorder. After `onEnded` or `onFailed` there are no others. */
export interface RecorderHooks {
  /** @param size size of the file so far */
  readonly onGrowth: (size: number) => void;
  /** @returns whether the stream is recorded */
  readonly onStream: (key: string) => boolean;
  readonly onGap: (gap: Gap) => void;
  /** Streams have started. Their metadata may have changed since it was read, so it is to be read again. */
  readonly onStarted: (keys: readonly string[]) => void;
  /** A stream of the pattern is not recorded: there are `MAX_STREAMS` streams. */
  readonly onLimit: (name: string) => void;
  /** The file lacks the metadata of a stream. */
  readonly onUnread: (problem: string) => void;
  readonly onEnded: (size: number) => void;
  readonly onFailed: (error: Error) => void;
}

/** Passes entries on as they are. */
const unencoded: Encoder<readonly StreamEntries[]> = { encode: (streams) => streams };

/** Records into one file. */
export class Recorder implements Sink<readonly StreamEntries[]> {
  readonly #parts: TransportParts;
  readonly #hooks: RecorderHooks;
  readonly #file: OpenFile;
  readonly #declarations: FileDeclarations;
  /** Its entries, and the last id of each stream. */
  readonly progress = new RecorderProgress();
  #onReceived: () => void = () => undefined;
  #subscription: Subscription | undefined;
  #stopPattern: () => void = () => undefined;
  /** Entries that this event-loop turn delivered. */
  #turn: StreamEntries[] = [];
  #drained: (() => void) | undefined;
  #isOver = false;
  readonly #dropped = new DroppedEntries(COLLECT_EVERY_BYTES);

  constructor(
    thread: FileThread,
    options: FileOptions,
    hooks: RecorderHooks,
    parts: TransportParts,
    room: FileRoom,
  ) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#file = thread.open(options, {
      onTaken: (size) => {
        if (this.#drained !== undefined && this.#file.bytesInFlight() < DRAINED_BYTES) {
          const callback = this.#drained;
          this.#drained = undefined;
          callback();
        }
        hooks.onGrowth(size);
      },
      onEnded: (size) => hooks.onEnded(size),
      onFailed: (error) => {
        this.#halt();
        hooks.onFailed(error);
      },
    });
    this.#declarations = new FileDeclarations(this.#file, room, {
      ...{ flush: this.#flush, onUnread: hooks.onUnread },
    });
  }

  /** Whether it reads history slowly, because clients are served. */
  get isSlowed(): boolean {
    return this.#subscription?.background?.isSlowed() === true;
  }

  /** Records streams from their cursors. */
  start(
    { streams: found, pattern, metas }: RecordedStreams,
    cursorOf: (stream: SubscribedStream) => SubscribedStream,
  ): void {
    const streams = found.filter(({ key }) => {
      const isRecorded = this.#hooks.onStream(key);
      if (isRecorded) this.#declarations.begin(key, metas.get(key));
      return isRecorded;
    });
    const started = streams.map((stream) => ({ ...cursorOf(stream), name: stream.key }));
    for (const { key, cursor } of started) this.progress.begin(key, cursor);
    const subscription = this.#parts.streams.subscribe({
      streams: started,
      encoder: unencoded,
      sink: this,
      isBackground: true,
      onGap: (gap) => this.#addGap(gap),
      onError: this.#fail,
    });
    this.#subscription = subscription;
    this.#hooks.onStarted(streams.map(({ key }) => key));
    if (pattern === undefined) return;
    const joining = new Set<string>();
    this.#stopPattern = startPattern(pattern, {
      subscription: {
        add: (stream) => {
          joining.add(stream.key);
          void this.#parts.streams.registry
            .meta(stream.key, { client: "recordings", admit: this.#admit })
            // Without its metadata, the stream is recorded by its payloads.
            .catch(() => undefined)
            .then((meta) => {
              if (this.#isOver || !joining.delete(stream.key) || !this.#hooks.onStream(stream.key)) return;
              this.#declarations.set(stream.key, meta);
              this.progress.begin(stream.key, stream.cursor);
              subscription.add({ ...stream, name: stream.key });
              this.#hooks.onStarted([stream.key]);
            })
            .catch((exception) => this.#fail(faultOf(exception, "recording", this.#parts.observe)));
        },
        remove(key) {
          if (!joining.delete(key)) subscription.remove(key);
        },
      },
      sessions: this.#parts.access.sessions,
      session: undefined,
      onLimit: (name) => {
        this.#parts.observe.logger.warn({ stream: name }, TOO_MANY_STREAMS);
        this.#hooks.onLimit(name);
      },
      onError: this.#fail,
    });
  }

  /** Whether the file has a stream. */
  has(key: string): boolean {
    return this.#declarations.has(key);
  }

  /** Whether the changed metadata of a stream is to be read. @param bytes its size */
  admitsMeta(key: string, bytes: number): boolean {
    return this.has(key) && this.#declarations.admits(key, bytes);
  }

  /** Call when the metadata of a stream has changed. Only its declaration decides how payloads are stored. */
  metaChanged(key: string, meta: StoredValue): void {
    if (this.#isOver || !this.#declarations.has(key)) return;
    try {
      this.#declarations.set(key, meta);
    } catch (exception) {
      this.#fail(faultOf(exception, "recording", this.#parts.observe));
    }
  }

  /**
   * Resolves when it has received all current entries of its streams. The newest entries may be deleted meanwhile, so it ends,
   * too, when no entry arrives although there is room for one.
   *
   * @throws GatewayError if Redis is unavailable
   */
  async catchUp(): Promise<void> {
    this.#subscription?.background?.hurry();
    const { registry } = this.#parts.streams;
    const ends = await Promise.all(
      this.progress.keys.map(async (key) => [key, await registry.lastGeneratedId(key)] as const),
    );
    const hasReached = () => this.progress.hasReached(ends) || this.#isOver;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const check = () => {
        clearTimeout(timer);
        if (hasReached()) resolve();
        else timer = setTimeout(() => (this.isFull() ? check() : resolve()), STALLED_MS);
      };
      this.#onReceived = check;
      check();
    });
    this.#onReceived = () => undefined;
  }

  /** Ends the file with the received entries. */
  stop(): void {
    if (this.#isOver) return;
    this.#halt();
    this.#flush();
    this.#file.end();
  }

  /** See `Sink`. */
  write(streams: readonly StreamEntries[]): void {
    if (this.#turn.length === 0) this.#parts.streams.turnEnd.add(this.#flush, this.#fail);
    for (const one of streams) {
      this.#turn.push(one);
      this.progress.add(one);
      this.#parts.observe.counters.recordedEntries += one.entries.length;
    }
    this.#onReceived();
  }

  isFull(): boolean {
    return this.#file.bytesInFlight() >= FULL_BYTES;
  }

  whenDrained(callback: () => void): void {
    this.#drained = callback;
  }

  readonly #flush = (): void => {
    if (this.#turn.length === 0) return;
    const turn = this.#turn;
    this.#turn = [];
    this.#file.add(turn);
    this.#dropped.add(turn.reduce((sum, { entries }) => sum + bytesOf(entries), 0));
  };

  #addGap(gap: Gap): void {
    // Entries before the gap precede it in the file.
    this.#flush();
    this.#file.addGap(gap);
    this.#hooks.onGap(gap);
  }

  readonly #admit = (bytes: number, key: string): boolean => this.#declarations.admits(key, bytes);

  readonly #fail = (error: GatewayError): void => {
    if (this.#isOver) return;
    this.#halt();
    this.#flush();
    this.#file.abort();
    this.#hooks.onFailed(error);
  };

  #halt(): void {
    this.#isOver = true;
    this.#onReceived();
    this.#stopPattern();
    this.#subscription?.close();
  }
}
