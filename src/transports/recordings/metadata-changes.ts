/**
 * Changes of the metadata of recorded streams: devices often declare their streams after the first entry. If Redis is unavailable
 * when the watch starts, it is started again, and changes before its start are read.
 */
import { sleep } from "../../domain/scheduling/sleep.ts";
import type { OnMeta } from "../../redis/registry/metadata-watch.ts";
import type { TransportParts } from "../parts.ts";
import { readMetas } from "./recorded-streams.ts";
import { isRetryable } from "./recording-failures.ts";

/** Time in ms before a watch that failed starts again. */
const RETRY_MS = 1000;

/** Receives the changes. */
export interface MetadataChangesHooks {
  readonly onMeta: OnMeta;
  /** Returns the keys of the streams that are being recorded. */
  readonly recordedKeys: () => readonly string[];
}

/** Watch over the metadata of recorded streams. */
export class MetadataChanges {
  readonly #parts: TransportParts;
  readonly #hooks: MetadataChangesHooks;
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

  close(): void {
    this.#closing.abort();
    this.#stop();
  }

  /** @throws GatewayError */
  async #watch(): Promise<void> {
    const { onMeta, recordedKeys } = this.#hooks;
    const stop = await this.#parts.streams.metaWatch.watch(onMeta);
    try {
      const keys = recordedKeys();
      const metas = await readMetas(this.#parts, keys);
      for (const [i, key] of keys.entries()) onMeta(key, metas[i]);
    } catch (error) {
      stop();
      throw error;
    }
    if (this.#closing.signal.aborted) stop();
    else this.#stop = stop;
  }
}
