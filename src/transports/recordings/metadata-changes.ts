/**
 * Changes of the metadata of recorded streams: devices often declare their streams after the first entry. If Redis is unavailable
 * when the watch starts, it is started again, and changes before its start are read. Changed metadata is read one at a time.
 */
import { sleep } from "../../domain/scheduling/sleep.ts";
import type { StoredValue } from "../../redis/registry/stored-values.ts";
import type { TransportParts } from "../parts.ts";
import { eachMeta } from "./recorded-streams.ts";
import { isRetryable } from "./recording-failures.ts";

/** Time in ms before a watch that failed starts again. */
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

  async #readChanged(): Promise<void> {
    this.#isReading = true;
    // Changes that are reported together are read together.
    await Promise.resolve();
    try {
      while (this.#changed.size > 0 && !this.#closing.signal.aborted) {
        const keys = [...this.#changed];
        this.#changed.clear();
        await eachMeta(this.#parts, keys, { admit: this.#hooks.admit, onValue: this.#hooks.onMeta });
      }
    } catch {
      // Redis is unavailable. The watch reports all metadata when it is available again.
      this.#changed.clear();
    } finally {
      this.#isReading = false;
    }
  }

  close(): void {
    this.#closing.abort();
    this.#stop();
  }

  /** @throws GatewayError */
  async #watch(): Promise<void> {
    const { onMeta, admit, isRecorded, recordedKeys } = this.#hooks;
    const stop = await this.#parts.streams.metaWatch.watch((key) => {
      if (!isRecorded(key)) return;
      this.#changed.add(key);
      if (!this.#isReading) void this.#readChanged();
    });
    try {
      await eachMeta(this.#parts, recordedKeys(), { admit, onValue: onMeta });
    } catch (error) {
      stop();
      throw error;
    }
    if (this.#closing.signal.aborted) stop();
    else this.#stop = stop;
  }
}
