/** Messages of work queues in the AsyncAPI document. */
import { CLEAN_FORMAT_NAMES, cleanFormat } from "../../../wire/formats.ts";
import { ID, type Message, message, object, TEXT } from "./message.ts";

/** Entries of a consumer group. */
const BATCH = {
  type: "array",
  items: {
    type: "array",
    minItems: 5,
    maxItems: 5,
    description:
      '`[stream_id, entry_id, payload, fields or null, {"n": 1}]`, where `n` is the number of deliveries.',
  },
};

/** Entry ids, or pairs of stream id and entry id. */
const IDS = {
  type: "array",
  items: { oneOf: [ID, { type: "array", items: TEXT, minItems: 2, maxItems: 2 }] },
};

const BATCHES: Readonly<Record<string, Message>> = Object.fromEntries(
  CLEAN_FORMAT_NAMES.map((name) => {
    const { title, mediaType } = cleanFormat(name);
    return [
      `${name}Work`,
      message(`${title} work`, "Entries of a consumer group, with their delivery counts.", BATCH, mediaType),
    ];
  }),
);

/** The messages, by name. */
export const WORK_MESSAGES: Readonly<Record<string, Message>> = {
  ...BATCHES,
  settlement: message(
    "Settlement",
    "What becomes of entries that the worker received. A text message; all members are optional.",
    object(
      {
        ...{ ack: IDS, nack: IDS, term: IDS, progress: IDS, token: TEXT, reason: TEXT },
        delay: { type: "integer", minimum: 0 },
        permits: { type: "integer", minimum: 0 },
      },
      [],
    ),
  ),
  done: message(
    "Done",
    "With `confirm=1`: how many entries were settled, and which ones no longer belong to the worker.",
    object({ done: object({ late: IDS }) }),
  ),
  lost: message("Lost", "Entries were trimmed before they were done.", object({ lost: IDS })),
};

/** Names of the messages that the gateway sends by itself. */
export const WORK_SENT = [...Object.keys(BATCHES), "lost"];
