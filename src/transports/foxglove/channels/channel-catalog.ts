/**
 * Catalog of the channels of streams, which all viewers share: each stream is examined once, not once per viewer. A stream is
 * examined again after its metadata has changed, or it was deleted.
 */

import { BoundedMap } from "../../../domain/bounded-map.ts";
import { readDeclaration } from "../../../domain/content/declaration.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import type { Entry } from "../../../domain/streams/entry.ts";
import { FIRST_ID, idBefore } from "../../../domain/streams/entry-id.ts";
import type { UnreadMeta } from "../../../domain/streams/metadata-size.ts";
import type { StreamReader } from "../../../redis/read/stream-reader.ts";
import type { StreamDetails } from "../../../redis/registry/details/stream-info.ts";
import type { StreamRecord } from "../../../redis/registry/details/stream-records.ts";
import type { MetaWatch } from "../../../redis/registry/metadata-watch.ts";
import type { Registry } from "../../../redis/registry/registry.ts";
import { type StoredValue, UnreadValue } from "../../../redis/registry/stored-values.ts";
import { isSchemaInferred, type LiveChannel, liveChannelOf } from "../../../wire/foxglove/live-channel.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";

/** Parts of the catalog. */
export interface CatalogParts {
  readonly registry: Pick<Registry, "streams" | "largeMetas">;
  readonly streamReader: Pick<StreamReader, "readNewest">;
  readonly metaWatch: Pick<MetaWatch, "watch">;
  readonly workSlices: WorkSlices;
}

/** A stream to examine. */
export interface ExaminedStream {
  readonly key: string;
  /** See `SubscribedStream`. The channel of an earlier stream of that name is not used. */
  readonly birth: number | undefined;
}

/** Channel of a stream, as far as it was found. */
export interface FoundChannel {
  /** Channel. A stream without entries, such as a new one of a consumer group, has none yet; undefined: it cannot be shown. */
  readonly channel: LiveChannel | "empty" | undefined;
  /** Metadata that was not read: the channel has the content of its entries. */
  readonly unread?: UnreadMeta | undefined;
}

/** Viewer that examines streams. */
export interface Examiner {
  /** Client of the viewer, which takes turns with others. */
  readonly client: string;
  /** Returns whether the viewer has memory for large metadata of a stream. */
  readonly admit: (bytes: number, key: string) => boolean;
}

/** Channels by stream key. */
export type Channels = ReadonlyMap<string, FoundChannel>;

/** Channels that are remembered; above this, the oldest are dropped. */
const MAX_CHANNELS = 10_000;
/**
 * Time (ms) for which a channel is remembered: viewers that connect together share it. It is short, because changes of streams
 * without a viewer are not detected.
 */
const REMEMBERED_MS = 5000;
/** Size of the schemas (characters) that are remembered; above this, all are dropped. */
const MAX_REMEMBERED_CHARACTERS = 4 * 1024 * 1024;
/** Newest entries up to this size (bytes) are read together with the facts about their streams. */
const SAMPLE_BYTES = 64 * 1024;
/** Newest entries that a schema is inferred from, because members may be absent in one of them. */
const MAX_SAMPLES = 10;
/** Streams that are examined at a time, which bounds the memory of their samples. */
const STREAMS_AT_A_TIME = 50;

interface Known {
  readonly birth: number | undefined;
  readonly channel: Promise<FoundChannel>;
  readonly untilMs: number;
}

/** Finds the channels of streams. */
export class ChannelCatalog {
  readonly #parts: CatalogParts;
  #known = new BoundedMap<Known>(MAX_CHANNELS);
  /** Size of the schemas of known channels. */
  #characters = 0;
  readonly #listeners = new Set<(key: string) => void>();
  /** Ends the watch of metadata. */
  #watching: Promise<() => void> | undefined;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /** Calls back when the metadata of a stream has changed. @returns a function that ends it */
  async watch(onChange: (key: string) => void): Promise<() => void> {
    this.#listeners.add(onChange);
    this.#watching ??= this.#watchMeta();
    await this.#watching;
    return () => {
      if (!this.#listeners.delete(onChange) || this.#listeners.size > 0) return;
      void this.#watching?.then((stop) => stop());
      this.#watching = undefined;
      // Changes are not noticed from now on.
      this.#forgetAll();
    };
  }

  #forgetAll(): void {
    this.#known = new BoundedMap(MAX_CHANNELS);
    this.#characters = 0;
  }

  /** Call when a stream was deleted. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /** Returns the channels of streams. @throws GatewayError */
  async channels(streams: readonly ExaminedStream[], examiner: Examiner): Promise<Channels> {
    const known = streams.map((stream) => this.#fresh(stream)?.channel);
    const missing = streams.filter((_, i) => known[i] === undefined);
    const reading = this.#examine(
      missing.map(({ key }) => key),
      examiner,
    );
    for (const stream of missing) this.#remember(stream, reading);
    const [read, ...found] = await Promise.all([reading, ...known]);
    // A viewer without memory examined them; this one may have some.
    const again = streams.flatMap(({ key }, i) => (isWithoutRoom(found[i]) ? [key] : []));
    const own = again.length > 0 ? await this.#examine(again, examiner) : read;
    const channels = new Map<string, FoundChannel>();
    for (const [i, { key }] of streams.entries())
      channels.set(key, own.get(key) ?? read.get(key) ?? found[i] ?? NOTHING_FOUND);
    return channels;
  }

  #fresh({ key, birth }: ExaminedStream): Known | undefined {
    const known = this.#known.get(key);
    if (known === undefined || known.untilMs <= performance.now()) return undefined;
    return birth === undefined || birth === known.birth ? known : undefined;
  }

  #remember({ key, birth }: ExaminedStream, reading: Promise<Channels>): void {
    const channel = reading.then((read) => read.get(key) ?? NOTHING_FOUND);
    const known = { channel, birth, untilMs: performance.now() + REMEMBERED_MS };
    this.#known.delete(key);
    this.#known.set(key, known);
    const forget = () => {
      if (this.#known.get(key) === known) this.#known.delete(key);
    };
    channel.then((found) => (isWithoutRoom(found) ? forget() : this.#count(found)), forget);
  }

  #count({ channel }: FoundChannel): void {
    if (typeof channel !== "object") return;
    this.#characters += channel.schema.length;
    if (this.#characters > MAX_REMEMBERED_CHARACTERS) this.#forgetAll();
  }

  async #watchMeta(): Promise<() => void> {
    try {
      return await this.#parts.metaWatch.watch((key) => {
        this.#known.delete(key);
        for (const listener of this.#listeners) listener(key);
      });
    } catch {
      // Without tracking in Redis, viewers see changed metadata when they reconnect.
      return () => undefined;
    }
  }

  async #examine(keys: readonly string[], { client, admit }: Examiner): Promise<Channels> {
    const { registry, workSlices } = this.#parts;
    const found = new Map<string, FoundChannel>();
    for (let from = 0; from < keys.length; from += STREAMS_AT_A_TIME) {
      const part = keys.slice(from, from + STREAMS_AT_A_TIME);
      const wanted = { depth: "payloads", payloadBytes: SAMPLE_BYTES, meta: true, client } as const;
      const records = await registry.streams(part, wanted);
      const slices = workSlices.begin();
      const facts: StreamFacts[] = [];
      const large = new Map<string, StreamRecord>();
      for (const [i, key] of part.entries()) {
        if (slices.isOver()) await slices.next();
        const record = records[i] ?? NO_RECORD;
        if (record.meta === "large") large.set(key, record);
        else facts.push(factsOf(key, record, record.meta));
      }
      const onValue = (key: string, meta: StoredValue) =>
        void facts.push(factsOf(key, large.get(key) ?? NO_RECORD, meta));
      if (large.size > 0) await registry.largeMetas([...large.keys()], { client, admit, onValue });
      const samples = await Promise.all(facts.map((one) => this.#samplesOf(one)));
      for (const [i, one] of facts.entries()) {
        if (slices.isOver()) await slices.next();
        found.set(one.key, channelOf(one, samples[i] ?? []));
      }
    }
    return found;
  }

  /** Reads entries that show the content of a stream, the newest last. */
  async #samplesOf({ key, details, samples }: StreamFacts): Promise<readonly Entry[]> {
    const { last } = details ?? {};
    if (last === undefined || samples === 0) return [];
    if (samples === 1 && last.entry !== undefined) return [last.entry];
    const after = samples === 1 ? (idBefore(last.id) ?? FIRST_ID) : FIRST_ID;
    return this.#parts.streamReader.readNewest(key, after, samples, STREAMS_AT_A_TIME);
  }
}

/** Facts about a stream, and the number of its newest entries that show its content. */
interface StreamFacts {
  readonly key: string;
  readonly details: StreamDetails | undefined;
  readonly meta: unknown;
  readonly unread: UnreadMeta | undefined;
  readonly samples: number;
}

const NO_RECORD: StreamRecord = { details: undefined, meta: undefined };
const NOTHING_FOUND: FoundChannel = { channel: undefined };

const isWithoutRoom = (found: FoundChannel | undefined): boolean =>
  found?.unread !== undefined && found.unread.maxBytes === undefined;

function factsOf(key: string, { details }: StreamRecord, stored: StoredValue): StreamFacts {
  const unread = stored instanceof UnreadValue ? stored : undefined;
  const meta = stored instanceof UnreadValue ? undefined : parseMeta(stored);
  return { key, details, meta, unread, samples: samplesNeeded(meta, details?.last) };
}

function samplesNeeded(meta: unknown, last: StreamDetails["last"]): number {
  if (last === undefined) return 0;
  const { entry } = last;
  // Too large to be read with the facts.
  if (entry === undefined) return readDeclaration(meta).declaration.contentType === undefined ? 1 : 0;
  if (!isSchemaInferred(meta, entry)) return 1;
  const fitting = Math.floor(SAMPLE_BYTES / Math.max(1, entry.data.length));
  return Math.max(1, Math.min(MAX_SAMPLES, fitting));
}

function channelOf({ key, details, meta, unread }: StreamFacts, samples: readonly Entry[]): FoundChannel {
  if (details === undefined || details.error !== "") return { channel: undefined, unread };
  const channel = liveChannelOf({ key, meta, samples });
  return { channel: channel ?? (details.length === 0 ? "empty" : undefined), unread };
}

/** Parses stored metadata; undefined if it is not valid. */
function parseMeta(stored: Buffer | undefined): unknown {
  if (stored === undefined) return undefined;
  try {
    const text = stored.toString();
    checkJsonBounds(text, "the metadata");
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
