/** Writes entries to an MCAP file: opens the channels of each stream, and wraps payloads for viewers (docs/recordings.md). */
import { readDeclaration } from "../../domain/content/declaration.ts";
import { type GuessedType, guessType } from "../../domain/content/detection.ts";
import type { Entry, Gap } from "../../domain/streams/entry.ts";
import { splitKey } from "../../domain/streams/stream-name.ts";
import {
  type ChannelContent,
  channelContentOf,
  declaredContentOf,
  declaredTypeOf,
} from "../foxglove/channel-content.ts";
import { type ChannelFormat, channelFormatOf } from "../foxglove/channel-format.ts";
import { isExactLogTime, logTimeOf } from "../foxglove/log-time.ts";
import { createWrapper, type Wrap, type WrappedNames, wrappedNamesOf } from "../foxglove/wrapping.ts";
import { valueOfJson } from "../json/value-of-json.ts";
import { encodeAddition } from "./fields-message.ts";
import { MAX_CHANNELS, type McapWriter } from "./mcap-writer.ts";
import { channelOf, contentKey, fieldsChannelOf, type RecordedStream, schemaOf } from "./recorded-channel.ts";

/** A channel that is open for messages. */
interface OpenChannel {
  readonly id: number;
  readonly wrap: Wrap;
}

/** A stream that is being written. */
interface WrittenStream {
  readonly stream: RecordedStream;
  /** The metadata as a value. */
  readonly meta: unknown;
  readonly names: WrappedNames;
  /** Content of every payload, as far as its entry has no type of its own; undefined if each one must be looked at. */
  readonly content: ChannelContent | undefined;
  /** Content of payloads by the type that their bytes suggest. */
  readonly guessed: Map<GuessedType | undefined, ChannelContent>;
  /** Channels by the key of their content. A change of the metadata opens new ones. */
  readonly channels: Map<string, OpenChannel>;
  fieldsChannel: number | undefined;
  /** Number of the next entry, by which its messages belong together. */
  sequence: number;
}

/** Name of the metadata records of gaps. */
export const GAP_RECORD = "redis-streamer.gap";

/** Name of the records of streams whose metadata the file lacks. */
export const UNREAD_RECORD = "redis-streamer.metadata-missing";

/**
 * Maximum size of the metadata in the channels of a file, in characters. A stream has a channel for each kind of payload, and
 * others whenever its metadata changes; the end of the file repeats all of them.
 */
const MAX_META_CHARACTERS = 8 * 1024 * 1024;

/** Name of the metadata record of notes. */
export const NOTES_RECORD = "redis-streamer.notes";

/** Writes the entries of any number of streams. */
export class EntryWriter {
  readonly #writer: McapWriter;
  readonly #streams = new Map<string, WrittenStream>();
  /** Ids of schemas by their data, then by their name and encoding. */
  readonly #schemas = new Map<string, Map<string, number>>();
  #metaCharacters = 0;

  constructor(writer: McapWriter) {
    this.#writer = writer;
  }

  /** States the metadata of a stream, for its entries from now on. @param meta JSON; undefined without metadata */
  describe(key: string, meta: string | undefined): void {
    const known = this.#streams.get(key);
    if (known === undefined || known.stream.meta !== meta) this.#describe(key, meta, known?.sequence ?? 0);
  }

  /** Adds an entry to the open chunk. @throws Error if the file has too many channels */
  add(key: string, entry: Entry): void {
    const stream = this.#streams.get(key) ?? this.#describe(key, undefined, 0);
    const content = this.#contentOf(stream, entry);
    const channel = this.#channelOf(stream, content);
    const { sequence } = stream;
    stream.sequence = (sequence + 1) >>> 0;
    const logTime = logTimeOf(entry.id);
    const times = { sequence, logTime, publishTime: logTime };
    const isExact = isExactLogTime(entry.id);
    if (entry.fields !== undefined || !isExact) {
      const data = encodeAddition({
        ...(!isExact && { id: entry.id }),
        ...(entry.fields && { fields: entry.fields }),
      });
      // First, so that a reader knows the entry once it has the payload.
      this.#writer.addMessage({ channelId: this.#fieldsChannelOf(stream), ...times, data: [data] });
    }
    this.#writer.addMessage({ channelId: channel.id, ...times, data: channel.wrap(entry) });
  }

  /** States that entries of a stream may be missing. */
  addGap({ stream, after, before }: Gap): void {
    this.#writer.addMetadata({
      name: GAP_RECORD,
      metadata: new Map<string, string>([
        ["stream", stream],
        ["after", after],
        ["before", before],
      ]),
    });
  }

  /** States that the file lacks the metadata of a stream. */
  addUnread(key: string, reason: string): void {
    this.#writer.addMetadata({
      name: UNREAD_RECORD,
      metadata: new Map([
        ["stream", key],
        ["reason", reason],
      ]),
    });
  }

  /** Adds texts about the recording; nothing if there are none. */
  addNotes(notes: Readonly<Record<string, string>>): void {
    const metadata = new Map(Object.entries(notes));
    if (metadata.size > 0) this.#writer.addMetadata({ name: NOTES_RECORD, metadata });
  }

  #describe(key: string, meta: string | undefined, sequence: number): WrittenStream {
    const value = valueOfJson(meta);
    const { declaration } = readDeclaration(value);
    const { contentType } = declaration;
    const stream: RecordedStream = { key, ...splitKey(key), meta, contentType };
    const written: WrittenStream = {
      ...{ stream, meta: value, names: wrappedNamesOf(key, declaration), channels: new Map() },
      content: declaredContentOf(value),
      guessed: new Map(),
      fieldsChannel: undefined,
      sequence,
    };
    this.#streams.set(key, written);
    return written;
  }

  #contentOf({ content, meta, guessed }: WrittenStream, entry: Entry): ChannelContent {
    if (entry.fields !== undefined && declaredTypeOf(entry) !== undefined)
      return channelContentOf(meta, entry);
    if (content !== undefined) return content;
    const type = guessType(entry.data);
    const known = guessed.get(type) ?? channelContentOf(meta, entry);
    guessed.set(type, known);
    return known;
  }

  #channelOf(written: WrittenStream, content: ChannelContent): OpenChannel {
    const { names, channels } = written;
    const key = contentKey(content);
    const known = channels.get(key);
    if (known !== undefined) return known;
    const format = channelFormatOf(content);
    const opened = {
      id: this.#open(channelOf(this.#withRoom(written.stream), format, this.#schemaId(format))),
      wrap: createWrapper(content, names),
    };
    channels.set(key, opened);
    return opened;
  }

  #fieldsChannelOf(written: WrittenStream): number {
    written.fieldsChannel ??= this.#open(fieldsChannelOf(this.#withRoom(written.stream)));
    return written.fieldsChannel;
  }

  /** Returns the stream without its metadata if the file has no room for it. */
  #withRoom(stream: RecordedStream): RecordedStream {
    const characters = stream.meta?.length ?? 0;
    if (this.#metaCharacters + characters > MAX_META_CHARACTERS) {
      this.addUnread(stream.key, "the metadata of the channels of this file is too large together");
      return { ...stream, meta: undefined };
    }
    this.#metaCharacters += characters;
    return stream;
  }

  #open(channel: Parameters<McapWriter["addChannel"]>[0]): number {
    if (this.#writer.channels >= MAX_CHANNELS)
      throw new Error(`an MCAP file must have at most ${MAX_CHANNELS} channels`);
    return this.#writer.addChannel(channel);
  }

  /** Returns the id of the schema of a format; 0 without a schema. */
  #schemaId(format: ChannelFormat): number {
    if (format.schema === undefined) return 0;
    const { name, encoding, data } = format.schema;
    const ids = this.#schemas.get(data) ?? new Map<string, number>();
    this.#schemas.set(data, ids);
    const key = JSON.stringify([name, encoding]);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const schema = schemaOf(format);
    const id = schema === undefined ? 0 : this.#writer.addSchema(schema);
    ids.set(key, id);
    return id;
  }
}
