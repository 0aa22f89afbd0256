/** Decodes received messages to entries and notices, and encodes batches to push, in the MessagePack format (docs/protocol.md). */
import type { EntryFields } from "../../src/domain/streams/entry.ts";
import {
  decodePulledMsgpack,
  decodePulledNotice,
  encodePushedMsgpack,
  type GivenValue,
  type PulledNotice,
} from "../../src/wire/msgpack/msgpack.ts";
import { badMessage } from "../errors.ts";

/** Value of the `format` parameter for the messages that this file reads and writes. */
export const FORMAT = "msgpack";

/** Entry of a pull message. */
export interface StreamEntry {
  /** The stream name as requested, without device and prefix. */
  readonly stream: string;
  readonly id: string;
  /** The payload, any bytes. It may be a view of the whole message: copy it to keep a small part for long. */
  readonly data: Uint8Array;
  /**
   * Fields besides the payload; absent if there are none. A repeated field is a list of its values. Entries written by
   * other programs may have fields only. Their `data` is empty.
   */
  readonly fields?: EntryFields;
}

/** An entry to push. */
export interface OutgoingEntry {
  readonly stream: string;
  /** A full id or `<ms>-*`; undefined if Redis assigns the id. */
  readonly id: string | undefined;
  readonly data: Uint8Array;
  readonly fields: Readonly<Record<string, GivenValue>> | undefined;
}

/** Encodes a batch as one message. */
export const encodeBatch = (entries: readonly OutgoingEntry[]): Uint8Array =>
  encodePushedMsgpack(entries.map(({ stream, id = "*", data, fields }) => ({ stream, id, data, fields })));

/**
 * Decodes a notice: a gap, or the status of Redis.
 *
 * @returns undefined if the message is a batch
 * @throws StreamerError BAD_MESSAGE
 */
export function decodeNotice(message: Uint8Array): PulledNotice | undefined {
  try {
    return decodePulledNotice(message);
  } catch (error) {
    throw badMessage("a map that is neither a gap nor a status message", error);
  }
}

/** Decodes a batch. @throws StreamerError BAD_MESSAGE */
export function decodeBatch(message: Uint8Array): readonly StreamEntry[] {
  try {
    return decodePulledMsgpack(message);
  } catch (error) {
    throw badMessage("a message that is not a batch of entries", error);
  }
}
