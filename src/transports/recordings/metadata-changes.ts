/**
 * Changes of the metadata of recorded streams: devices often declare their streams after the first entry. If Redis is unavailable
 * when the watch starts, it is started again, and changes before its start are read. Changed metadata is read one at a time, and
 * only here, so that an older value never replaces a newer one.
 */
import { sleep } from "../../domain/scheduling/sleep.ts";
import type { StoredValue } from "../../redis/registry/stored-values.ts";
import type { TransportParts } from "../parts.ts";
import { eachMeta } from "./recorded-streams.ts";
import { isRetryable } from "./recording-failures.ts";

/** Time in ms before a watch or a read that failed is repeated. */
const RETRY_MS = 1000;

/** Receives the changes. */
export interface MetadataChangesHooks {
  readonly onMeta: (streamKey: string, meta: StoredValue) => void;
  /** Whether the metadata of a stream is to be read. */
  readonly admit: (bytes: number, key: string) => boolean;
  /** Whether a stream is being recorded. */
  readonly isRecorded: (key: string) => boolean;
  /** Returns the keys of the streams that are being recorded. */
  readonly recordedKeys: () => readonly string[];
}

/** Watch over the metadata of recorded streams. */
export class MetadataChanges {
  readonly #parts: TransportParts;
  readonly #hooks: MetadataChangesHooks;
  /** Streams whose metadata is to be read. */
  readonly #changed = new Set<string>();
  #isReading = false;
  readonly #closing = new AbortController();
  #isStarted = false;
  #stop: () => void = () => undefined;

  constructor(parts: TransportParts, hooks: MetadataChangesHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Starts the watch, unless it has been started. */
  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#watch();
        return;
      } catch (error) {
        if (failures === 0)
          this.#parts.observe.logger.warn(
            { err: error },
            "cannot watch the metadata of recorded streams; changes are not recorded",
          );
        // Such as a Redis without tracking.
        if (!isRetryable(error)) return;
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Reads the metadata of streams soon. */
  read(keys: readonly string[]): void {
    for (const key of keys) this.#changed.add(key);
    if (!this.#isReading) void this.#readChanged();
  }

  async #readChanged(): Promise<void> {
    this.#isReading = true;
    // Changes that are reported together are read together.
    await Promise.resolve();
    try {
      while (this.#changed.size > 0 && !this.#closing.signal.aborted) {
        const keys = [...this.#changed];
        this.#changed.clear();
        await this.#read(keys);
      }
    } finally {
      this.#isReading = false;
    }
  }

  /** Reads metadata now, or soon if Redis is unavailable: the connection of the watch may have noticed nothing of that. */
  async #read(keys: readonly string[]): Promise<void> {
    try {
      await eachMeta(this.#parts, keys, { admit: this.#hooks.admit, onValue: this.#hooks.onMeta });
    } catch (error) {
      if (!isRetryable(error)) return;
      for (const key of keys) this.#changed.add(key);
      await sleep(RETRY_MS, this.#closing.signal).catch(() => undefined);
    }
  }

  close(): void {
    this.#closing.abort();
    this.#stop();
  }

  /** @throws GatewayError */
  async #watch(): Promise<void> {
    const stop = await this.#parts.streams.metaWatch.watch((key) => {
      if (this.#hooks.isRecorded(key)) this.read([key]);
    });
    if (this.#closing.signal.aborted) stop();
    else {
      this.#stop = stop;
      this.read(this.#hooks.recordedKeys());
    }
  }
}
