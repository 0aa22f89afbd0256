/** Streams of one viewer: finds their channels, also of those that appear or change, and advertises them. */

import { type UnreadMeta, unreadReason } from "../../../domain/streams/metadata-size.ts";
import { topicOf } from "../../../wire/foxglove/topic.ts";
import type { Statuses } from "../statuses.ts";
import type { Advertisements } from "./advertisements.ts";
import type { ChannelCatalog, FoundChannel } from "./channel-catalog.ts";
import type { SchemaMemory } from "./schema-memory.ts";

/** Parts of a viewer. */
export interface ViewerChannelsParts {
  readonly catalog: Pick<ChannelCatalog, "watch" | "forget" | "channels">;
  readonly advertisements: Advertisements;
  readonly statuses: Statuses;
  /** The viewer, which takes turns with others to read from Redis. */
  readonly client: string;
  /** Memory of the schemas of its channels. */
  readonly schemas: SchemaMemory;
  /** Streams could not be examined. */
  readonly onError: (error: unknown) => void;
  /** Time (ms) after which empty streams are examined again. */
  readonly recheckMs?: number;
}

/** Time (ms) after which empty streams are examined again. No event reports their first entry. */
const RECHECK_MS = 5000;

/** Id of the status about streams that are not shown. */
const HIDDEN = "content";
/** Id of the status about streams whose metadata is not read. */
const UNREAD = "metadata";

/** The streams of a viewer. */
export class ViewerChannels {
  readonly #parts: ViewerChannelsParts;
  /** Births of the streams, by key. */
  readonly #streams = new Map<string, number | undefined>();
  /** Streams to examine. */
  #due = new Set<string>();
  /** Streams whose content cannot be shown. */
  readonly #hidden = new Set<string>();
  /** Streams whose metadata is not read. */
  readonly #unread = new Set<string>();
  /** Streams without entries, whose content is not known yet. */
  readonly #empty = new Set<string>();
  #recheck: NodeJS.Timeout | undefined;
  #examining: Promise<void> | undefined;
  #stopWatch: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: ViewerChannelsParts) {
    this.#parts = parts;
  }

  /** Watches for changes of metadata. */
  async open(): Promise<void> {
    const stop = await this.#parts.catalog.watch((key) => {
      if (this.#streams.has(key)) this.#examine(key);
    });
    if (this.#isClosed) stop();
    else this.#stopWatch = stop;
  }

  /** Resolves when the channels of all streams so far are found. */
  async settle(): Promise<void> {
    while (this.#examining !== undefined) await this.#examining;
  }

  /** Adds a stream. @param birth see `SubscribedStream` */
  add(key: string, birth: number | undefined): void {
    this.#streams.set(key, birth);
    this.#examine(key);
  }

  /** Removes a stream, which was deleted or may no longer be read. */
  remove(key: string): void {
    this.#streams.delete(key);
    this.#due.delete(key);
    this.#empty.delete(key);
    this.#parts.catalog.forget(key);
    this.#parts.advertisements.set(key, undefined);
    this.#parts.schemas.set(key, 0);
    this.#report(key, undefined);
    this.#show(key);
  }

  close(): void {
    this.#isClosed = true;
    this.#due.clear();
    clearTimeout(this.#recheck);
    this.#parts.schemas.close();
    this.#stopWatch?.();
  }

  #examine(key: string): void {
    if (this.#isClosed) return;
    this.#due.add(key);
    this.#examining ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      // Streams that are added together are examined together.
      await Promise.resolve();
      while (this.#due.size > 0) {
        const keys = [...this.#due];
        this.#due = new Set();
        const streams = keys.map((key) => ({ key, birth: this.#streams.get(key) }));
        const { catalog, client, schemas } = this.#parts;
        // A stream that was removed meanwhile would keep its memory.
        const admit = (bytes: number, key: string) => this.#streams.has(key) && schemas.set(key, bytes);
        const found = await catalog.channels(streams, { client, admit });
        for (const key of keys)
          if (this.#streams.has(key) && !this.#due.has(key))
            this.#found(key, found.get(key) ?? { channel: undefined });
      }
    } catch (error) {
      if (!this.#isClosed) this.#parts.onError(error);
    } finally {
      this.#examining = undefined;
    }
  }

  #found(key: string, { channel: found, unread }: FoundChannel): void {
    if (this.#isClosed) return;
    const isEmpty = found === "empty";
    const characters = typeof found === "object" ? found.schema.length : 0;
    // Another viewer may have found it.
    const hasRoom = this.#parts.schemas.set(key, characters);
    const channel = isEmpty || !hasRoom ? undefined : found;
    this.#parts.advertisements.set(key, channel);
    if (isEmpty) this.#waitForEntries(key);
    else this.#empty.delete(key);
    this.#report(key, hasRoom ? unread : { bytes: characters, maxBytes: undefined });
    if (isEmpty || channel !== undefined) this.#show(key);
    else {
      this.#hidden.add(key);
      this.#parts.statuses.set(HIDDEN, {
        level: "info",
        message: `${topicOf(key)} and other streams whose content is unknown are not shown. Declare it with content_type= when entries are pushed, or as contentType in the metadata of the stream.`,
      });
    }
  }

  /** Shows whether the metadata of a stream is not read. */
  #report(key: string, unread: UnreadMeta | undefined): void {
    const { statuses } = this.#parts;
    if (unread !== undefined) {
      this.#unread.add(key);
      statuses.set(UNREAD, {
        level: "warning",
        message: `${topicOf(key)} and possibly other streams have no declared schema: ${unreadReason(unread)}`,
      });
    } else if (this.#unread.delete(key) && this.#unread.size === 0) statuses.remove(UNREAD);
  }

  #waitForEntries(key: string): void {
    this.#empty.add(key);
    this.#recheck ??= setTimeout(() => {
      this.#recheck = undefined;
      for (const one of this.#empty) if (this.#streams.has(one)) this.#examine(one);
    }, this.#parts.recheckMs ?? RECHECK_MS);
  }

  #show(key: string): void {
    if (this.#hidden.delete(key) && this.#hidden.size === 0) this.#parts.statuses.remove(HIDDEN);
  }
}
