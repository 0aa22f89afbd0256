/**
 * The clean format on the client's side (wire.md, "The clean format"): the gateway's own MessagePack, with errors and ids
 * as users of the client know them.
 */
import type { EntryFields } from "../src/domain/entry.ts";
import {
  decodePulledMsgpack,
  decodePulledNotice,
  encodePushedMsgpack,
  type GivenValue,
  type PulledNotice,
} from "../src/wire/msgpack.ts";
import { badMessage } from "./errors.ts";

/** The `format` parameter that asks for what this file reads and writes. */
export const FORMAT = "msgpack";

/** One entry as it arrives. */
export interface StreamEntry {
  /** The stream's name as it was asked for, without device and prefix. */
  readonly stream: string;
  readonly id: string;
  /** The payload, any bytes. It may be a view on the whole message: copy it to keep a small part for long. */
  readonly data: Uint8Array;
  /**
   * Fields besides the payload, absent if there are none. A repeated field is a list of its values. Entries of other
   * programs may have no payload, `data` is then empty, and only fields.
   */
  readonly fields?: EntryFields;
}

/** One entry on its way out. */
export interface OutgoingEntry {
  readonly stream: string;
  /** Undefined lets Redis assign it; else a full id, or `<ms>-*`. */
  readonly id: string | undefined;
  readonly data: Uint8Array;
  readonly fields: Readonly<Record<string, GivenValue>> | undefined;
}

/** Makes the message of a batch. */
export const encodeBatch = (entries: readonly OutgoingEntry[]): Uint8Array =>
  encodePushedMsgpack(entries.map((entry) => ({ ...entry, id: entry.id ?? "*" })));

/** Reads a message that is a gap or reports whether Redis answers; undefined of a batch. @throws StreamerError BAD_MESSAGE */
export function decodeNotice(message: Uint8Array): PulledNotice | undefined {
  try {
    return decodePulledNotice(message);
  } catch (error) {
    throw badMessage("a map that is neither a gap nor a status", error);
  }
}

/** Reads a message. @throws StreamerError BAD_MESSAGE */
export function decodeBatch(message: Uint8Array): readonly StreamEntry[] {
  try {
    return decodePulledMsgpack(message);
  } catch (error) {
    throw badMessage("a message that is no batch of entries", error);
  }
}
