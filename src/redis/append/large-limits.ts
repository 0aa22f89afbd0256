/** Reads large metadata for the retention of streams, that of one round trip at a time. */
import type { Logger } from "../../domain/logger.ts";
import { unreadReason } from "../../domain/streams/metadata-size.ts";
import { STREAM_META_PREFIX, streamMetaKey } from "../keys.ts";
import { type LargeValues, UnreadValue } from "../registry/stored-values.ts";

/** Options of `LargeLimits`. */
export interface LargeLimitsOptions {
  readonly largeValues: LargeValues;
  readonly logger: Logger;
  /** Receives the metadata of a stream; undefined if there is none, or if it is too large to be read. */
  readonly onMeta: (key: string, meta: Buffer | undefined) => void;
}

/** Streams with large metadata, which is read soon. */
export class LargeLimits {
  readonly #options: LargeLimitsOptions;
  readonly #metaKeys = new Set<string>();
  #isReading = false;

  constructor(options: LargeLimitsOptions) {
    this.#options = options;
  }

  /** Reads the metadata of a stream soon. */
  request(key: string): void {
    this.#metaKeys.add(streamMetaKey(key));
    if (!this.#isReading) void this.#readAll();
  }

  async #readAll(): Promise<void> {
    const { largeValues, logger, onMeta } = this.#options;
    this.#isReading = true;
    try {
      while (this.#metaKeys.size > 0) {
        const metaKeys = [...this.#metaKeys];
        this.#metaKeys.clear();
        await largeValues.read(metaKeys, {
          client: "retention",
          admit: () => true,
          onValue(metaKey, value) {
            const key = metaKey.slice(STREAM_META_PREFIX.length);
            const isUnread = value instanceof UnreadValue;
            if (isUnread)
              logger.warn(
                { stream: key, problem: unreadReason(value) },
                "limits in a stream's metadata are ignored",
              );
            onMeta(key, isUnread ? undefined : value);
          },
        });
      }
    } catch {
      // Redis is unavailable. The caller requests them again.
      this.#metaKeys.clear();
    } finally {
      this.#isReading = false;
    }
  }
}
