/** Messages of the AsyncAPI document. */
import { ERRORS } from "../../../domain/errors.ts";
import { CLEAN_FORMAT_NAMES, cleanFormat, RAW_TYPE } from "../../../wire/formats.ts";
import { PLAYBACK_STATUSES } from "../../../wire/notices/playback-notice.ts";
import { MAX_RATE } from "../../request/playback.ts";
import { ID, type Message, message, object, TEXT } from "./message.ts";
import { WORK_MESSAGES } from "./work-messages.ts";

const HEADER = {
  type: "array",
  items: { type: "array" },
  examples: [[["cam", "5-0", 0]]],
};

/** Entries of a clean format, `[[stream_id, entry_id, payload, fields?], …]`. */
const BATCH = {
  type: "array",
  items: {
    type: "array",
    minItems: 3,
    maxItems: 4,
    description:
      "`[stream_id, entry_id, payload]`, with a map of further fields as an optional fourth element.",
  },
};

const ERROR_IN_ACK = object({ error: TEXT, code: { enum: Object.keys(ERRORS) } });
const RATE = { type: "number", minimum: 0, maximum: MAX_RATE } as const;
const SINCE = { ...TEXT, format: "date-time" };

const BATCHES: Readonly<Record<string, Message>> = Object.fromEntries(
  CLEAN_FORMAT_NAMES.map((name) => {
    const { title, mediaType, isBinary } = cleanFormat(name);
    const kind = isBinary ? "a binary message" : "a text message";
    return [
      `${name}Batch`,
      message(`Batch in ${title}`, `With \`format=${name}\`: entries, in ${kind}.`, BATCH, mediaType),
    ];
  }),
);

/** All messages, by name. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  header: message(
    "Header",
    "With `header=1`: streams, entry ids and offsets of the payload in the next message, in a text message.",
    HEADER,
  ),
  payload: message(
    "Payload",
    "With `header=1`: the payloads end to end; with `header=0`: one payload. A binary message.",
    { type: "string", format: "binary" },
    RAW_TYPE,
  ),
  ...BATCHES,
  ack: message(
    "Acknowledgement",
    "With `ack=1`: the entry ids of one batch; a rejected entry has an error in its place.",
    {
      type: "array",
      items: { oneOf: [ID, ERROR_IN_ACK] },
    },
  ),
  ready: message(
    "Ready",
    "With `ack=1`: any message requests the next payload.",
    { type: "string" },
    "text/plain",
  ),
  gap: message(
    "Gap",
    "With `gaps=1`: entries between two ids may be missing. In the clean format of the connection.",
    object({ gap: object({ stream_id: TEXT, after: ID, before: ID }) }),
  ),
  status: message(
    "Status",
    "With `status=1`: Redis stopped answering, or answers again. On pull in the clean format of the connection.",
    object({ status: object({ redis: { enum: ["available", "unavailable"] }, since: SINCE }, ["redis"]) }),
  ),
  control: message(
    "Control",
    "With `control=1`: replaces the key or token of the connection. A text message.",
    object({ token: TEXT }),
  ),
  command: message(
    "Command",
    "With `control=1` and `rate`: controls the playback, with one of these members. A text message.",
    {
      ...object(
        {
          pause: { const: true },
          play: { oneOf: [{ const: true }, object({ rate: RATE }, [])] },
          seek: { oneOf: [TEXT, { type: "number", minimum: 0 }] },
          step: { type: "integer", minimum: -10, maximum: 10 },
          live: { const: true },
        },
        [],
      ),
      minProperties: 1,
      maxProperties: 1,
    },
  ),
  state: message(
    "State",
    "With `rate`: the playback has changed, or one second has passed. In the clean format of the connection.",
    object({
      state: object({
        status: { enum: PLAYBACK_STATUSES },
        time: { type: "number" },
        rate: RATE,
        seek: { type: "integer" },
      }),
    }),
  ),
  ...WORK_MESSAGES,
  graphqlMessage: message(
    "GraphQL message",
    "A message of the subprotocol `graphql-transport-ws` or `graphql-ws`.",
    object({ id: TEXT, type: TEXT, payload: {} }, ["type"]),
  ),
  foxgloveText: message(
    "Foxglove message",
    "A text message of the Foxglove WebSocket protocol, such as `advertise` and `subscribe`.",
    object({ op: TEXT }),
  ),
  foxgloveBinary: message(
    "Foxglove data",
    "A binary message of the Foxglove WebSocket protocol: an opcode of one byte, and its data.",
    { type: "string", format: "binary" },
    RAW_TYPE,
  ),
};

/** Names of the messages that contain entries in a clean format. */
export const CLEAN_BATCHES = Object.keys(BATCHES);
