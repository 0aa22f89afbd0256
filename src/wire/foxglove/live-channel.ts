/** Channel of a stream for a live viewer: how it is advertised, and how its entries become messages. */
import { readDeclaration } from "../../domain/content/declaration.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { valueOfJson } from "../json/value-of-json.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText, textOf } from "../utf8.ts";
import { type ChannelContent, channelContentOf, type DeclaredSchema } from "./channel-content.ts";
import { channelFormatOf } from "./channel-format.ts";
import { inferSchema } from "./inferred-schema.ts";
import type { Channel } from "./server-messages.ts";
import { objectOf, shownJson, shownMsgpack, valueOfMsgpack } from "./shown-json.ts";
import { topicOf } from "./topic.ts";
import { createWrapper, type Wrap, wrappedNamesOf } from "./wrapping.ts";

/** Channel of one stream, with the encoder of its messages. */
export interface LiveChannel extends Channel {
  readonly key: string;
  /** Its messages are images: a viewer needs only the newest. */
  readonly isImage: boolean;
  /** Channels with the same form encode an entry alike. */
  readonly form: string;
  /** Encodes the payload of an entry; undefined if it does not have the content of the channel. */
  encode(entry: Entry): Pieces | undefined;
}

/** Facts about a stream that determine its channel. */
export interface KnownStream {
  readonly key: string;
  /** Metadata: any JSON. */
  readonly meta: unknown;
  /** Newest entries, the newest last. */
  readonly samples: readonly Entry[];
}

/** Largest sample that a schema is inferred from, in bytes. */
const MAX_SAMPLE_BYTES = 64 * 1024;

/** Returns the channel of a stream; undefined if its content cannot be shown. */
export function liveChannelOf({ key, meta, samples }: KnownStream): LiveChannel | undefined {
  const content = channelContentOf(meta, samples.at(-1));
  if (content.kind === "bytes") return undefined;
  const { declaration } = readDeclaration(meta);
  const topic = topicOf(key);
  const format = formatOf(content, key, samples);
  const names = wrappedNamesOf(key, declaration);
  const channel = { topic, ...format };
  return {
    ...channel,
    key,
    id: idOf(channel),
    isImage: content.kind === "image",
    form: JSON.stringify([content.kind, names.frameId, contentForm(content)]),
    encode: encoderOf(content, createWrapper(content, names)),
  };
}

/** Whether the schema of a stream is inferred from its samples. */
export function isSchemaInferred(meta: unknown, newest: Entry): boolean {
  const content = channelContentOf(meta, newest);
  return (content.kind === "json" || content.kind === "msgpack") && content.schema === undefined;
}

/** Returns the part of a content that determines its messages besides its kind. */
function contentForm(content: ChannelContent): unknown {
  if (content.kind === "audio") return content.pcm;
  return "format" in content ? content.format : undefined;
}

/** Returns the encoder of a channel. */
function encoderOf(content: ChannelContent, wrap: Wrap): (entry: Entry) => Pieces | undefined {
  if (content.kind === "json") return ({ data }) => shownJson(data);
  if (content.kind === "msgpack") return ({ data }) => shownMsgpack(data);
  return wrap;
}

type Format = Pick<Channel, "encoding" | "schemaName" | "schema" | "schemaEncoding">;

function formatOf(content: ChannelContent, key: string, samples: readonly Entry[]): Format {
  if (content.kind === "json" || content.kind === "msgpack")
    return jsonFormat(content.schema, key, () => inferSchema(valuesOf(content.kind, samples)));
  const { encoding, schema } = channelFormatOf(content);
  return {
    encoding,
    schemaName: schema?.name ?? "",
    schema: schema?.data ?? "",
    schemaEncoding: schema?.encoding ?? "",
  };
}

const jsonFormat = (declared: DeclaredSchema | undefined, key: string, infer: () => string): Format => ({
  encoding: "json",
  // Viewers expect one definition per name.
  schemaName: declared?.name ?? key.replaceAll(":", "."),
  schema: declared === undefined ? infer() : objectSchema(declared.data),
  schemaEncoding: "jsonschema",
});

/** Returns a declared schema of objects; that of other values describes their wrapper. */
function objectSchema(data: string): string {
  const schema: unknown = valueOfJson(data);
  const type = typeof schema === "object" && schema !== null && "type" in schema ? schema.type : undefined;
  return type === undefined || type === "object"
    ? data
    : JSON.stringify({ type: "object", properties: { value: schema } });
}

/** Returns the values of samples that schemas can be inferred from. */
function valuesOf(
  kind: "json" | "msgpack",
  samples: readonly Entry[],
): readonly Readonly<Record<string, unknown>>[] {
  return samples.flatMap(({ data }) => {
    if (data.length > MAX_SAMPLE_BYTES) return [];
    const value = kind === "json" ? valueOfJson(textOf(data)) : valueOfMsgpack(data);
    return value === undefined ? [] : [objectOf(value)];
  });
}

/**
 * Returns the id of a channel: a hash (FNV-1a, 32 bits) of the advertised values, so that an id stands for the same topic, encoding
 * and schema in all connections and after a restart.
 */
function idOf({ topic, encoding, schemaName, schemaEncoding, schema }: Omit<Channel, "id">): number {
  let hash = 0x811c9dc5;
  for (const byte of bytesOfText([topic, encoding, schemaName, schemaEncoding, schema].join("\0")))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
