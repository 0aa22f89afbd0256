/**
 * Restores entries from the messages of an MCAP file: of recordings of this gateway, of VIDA-NYU's redis-record, and, as far as
 * possible, of other programs.
 */
import type { McapTypes } from "@mcap/core";
import { isObject } from "../../domain/is-object.ts";
import { type Entry, type EntryFields, valuesOf } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId, idAfter, idOf } from "../../domain/streams/entry-id.ts";
import { splitKey } from "../../domain/streams/stream-name.ts";
import { decodeBase64 } from "../base64.ts";
import type { ChannelContent } from "../foxglove/channel-content.ts";
import { idOfLogTime } from "../foxglove/log-time.ts";
import { keyOfTopic } from "../foxglove/topic.ts";
import { unwrapMessage } from "../foxglove/wrapping.ts";
import { valueOfJson } from "../json/value-of-json.ts";
import { textOf } from "../utf8.ts";
import { decodeAddition, type EntryAddition } from "./fields-message.ts";
import {
  contentOfChannel,
  isFieldsChannel,
  type RecordedStream,
  streamOfChannel,
} from "./recorded-channel.ts";

/** An entry of a recording. */
export interface RecordedEntry {
  readonly stream: RecordedStream;
  readonly topic: string;
  readonly entry: Entry;
}

/** Rules by which the messages of a channel become entries. */
interface Decoding {
  readonly stream: RecordedStream;
  readonly topic: string;
  readonly kind: "own" | "fields" | "redis-record" | "foreign";
  readonly content: ChannelContent;
}

/** Name of the schema of redis-record. */
const REDIS_RECORD_SCHEMA = "data";
/** Content types by the encoding of messages. */
const TYPES: Readonly<Record<string, string>> = { json: "application/json", msgpack: "application/msgpack" };

/** Decodes the messages of one file, in the order of their times or of the file. */
export class EntryDecoder {
  readonly #decodings = new Map<number, Decoding>();
  /** Messages of fields channels whose entries follow, by key and sequence. */
  readonly #additions = new Map<string, EntryAddition>();
  /** The last id of each stream of redis-record, whose messages have no sequence. */
  readonly #lastIds = new Map<string, EntryId>();

  /** Opens a channel, before its first message. @returns the stream of its entries */
  open(channel: McapTypes.Channel, schema: McapTypes.Schema | undefined): RecordedStream {
    const decoding = decodingOf(channel, schema);
    this.#decodings.set(channel.id, decoding);
    return decoding.stream;
  }

  /** Returns the entry of a message; undefined if the message completes another one, or is not valid. */
  decode(message: McapTypes.Message): RecordedEntry | undefined {
    const read = this.read(message);
    return typeof read === "string" ? undefined : read;
  }

  /** Returns the entry of a message, or the reason that it has none: it completes another message, or is not valid. */
  read(message: McapTypes.Message): RecordedEntry | "addition" | "invalid" {
    const decoding = this.#decodings.get(message.channelId);
    if (decoding === undefined) return "invalid";
    const { stream, topic, kind } = decoding;
    if (kind === "fields") {
      const addition = decodeAddition(message.data);
      if (addition === undefined) return "invalid";
      this.#additions.set(additionKey(stream.key, message.sequence), addition);
      return "addition";
    }
    const entry = this.#entryOf(decoding, kind, message);
    return entry === undefined ? "invalid" : { stream, topic, entry };
  }

  #entryOf(
    { stream, content }: Decoding,
    kind: Exclude<Decoding["kind"], "fields">,
    message: McapTypes.Message,
  ): Entry | undefined {
    const { logTime, sequence, data } = message;
    switch (kind) {
      case "own": {
        const payload = unwrapMessage(content, data);
        if (payload === undefined) return undefined;
        const addition = this.#takeAddition(stream.key, sequence);
        return {
          id: addition?.id ?? idOfLogTime(logTime),
          data: payload,
          ...(addition?.fields && { fields: addition.fields }),
        };
      }
      case "redis-record":
        return this.#entryOfRedisRecord(stream.key, message);
      case "foreign":
        return { id: idOfLogTime(logTime), data: unwrapMessage(content, data) ?? data };
      default:
        return kind satisfies never;
    }
  }

  #takeAddition(key: string, sequence: number): EntryAddition | undefined {
    if (this.#additions.size === 0) return undefined;
    const name = additionKey(key, sequence);
    const found = this.#additions.get(name);
    this.#additions.delete(name);
    return found;
  }

  #entryOfRedisRecord(key: string, { publishTime, data }: McapTypes.Message): Entry | undefined {
    const fields = fieldsOfRedisRecord(data);
    if (fields === undefined) return undefined;
    // Its publish time is seconds · 10^10.
    const time = idOf(publishTime / 10_000_000n, 0n);
    const last = this.#lastIds.get(key);
    const id = last === undefined || compareIds(time, last) > 0 ? time : (idAfter(last) ?? last);
    this.#lastIds.set(key, id);
    const payload = fields.get("d");
    const others = new Map([...fields].filter(([name]) => name !== "d"));
    return {
      id,
      data: (payload && valuesOf(payload).at(-1)) ?? new Uint8Array(),
      ...(others.size > 0 && { fields: others }),
    };
  }
}

const additionKey = (key: string, sequence: number): string => `${sequence} ${key}`;

function decodingOf(channel: McapTypes.Channel, schema: McapTypes.Schema | undefined): Decoding {
  const { topic } = channel;
  const content = contentOfChannel(channel, schema);
  const own = streamOfChannel(channel);
  if (own !== undefined)
    return { stream: own, topic, content, kind: isFieldsChannel(channel) ? "fields" : "own" };
  const isRedisRecord = schema?.name === REDIS_RECORD_SCHEMA && channel.messageEncoding === "json";
  const key = isRedisRecord ? topic : (keyOfTopic(topic) ?? topic);
  const contentType = isRedisRecord ? undefined : TYPES[channel.messageEncoding];
  const stream = { key, ...splitKey(key), meta: undefined, contentType };
  return { stream, topic, content, kind: isRedisRecord ? "redis-record" : "foreign" };
}

/** Reads `{"stream_id": …, "data": {field: base64}}`; undefined if it is not that. */
function fieldsOfRedisRecord(data: Uint8Array): EntryFields | undefined {
  const value = valueOfJson(textOf(data));
  const members = isObject(value) ? value.data : undefined;
  if (!isObject(members)) return undefined;
  const fields = new Map<string, Uint8Array>();
  for (const [name, base64] of Object.entries(members)) {
    const bytes = typeof base64 === "string" ? decodeBase64(base64) : undefined;
    if (bytes !== undefined) fields.set(name, bytes);
  }
  return fields;
}
