/** Entry yielded by the client's loops, with methods that decode its payload. */
import { hasControls } from "../../src/domain/content/control-characters.ts";
import type { EntryFields } from "../../src/domain/streams/entry.ts";
import { readMsgpackValue } from "../../src/wire/msgpack/msgpack-reader.ts";
import { lossyTextOf, textOf } from "../../src/wire/utf8.ts";
import { finalError, StreamerError } from "../errors.ts";
import type { StreamEntry } from "./msgpack.ts";

/** An entry yielded by a loop. */
export interface PulledEntry extends StreamEntry {
  /** True if entries before this one were trimmed before they were read. */
  readonly gap: boolean;
  /** Time the entry was added, Unix ms: the first half of its id. */
  readonly timeMs: number;
  /** The payload as text. @throws StreamerError BAD_PAYLOAD if it is not UTF-8 */
  text(): string;
  /** The payload as JSON. @throws StreamerError BAD_PAYLOAD if it is not JSON */
  json(): unknown;
  /**
   * The payload by its content type: JSON and MessagePack as their value, `text/…` as a string, all others as bytes.
   *
   * @param contentType declared type of the stream, such as `(await streamer.meta("imu")).contentType`. The entry's field
   *   `content-type` overrides it. Without either, the type is detected by the bytes.
   * @throws StreamerError BAD_PAYLOAD if the payload is not of that type
   */
  value(contentType?: string): unknown;
  /** A copy of the payload, which does not keep the whole message in memory. */
  bytes(): Uint8Array;
}

/** An entry as it is yielded. It is a class, because copying entries and methods to an object takes longer than decoding them. */
export class ReceivedEntry implements PulledEntry {
  readonly stream: string;
  readonly id: string;
  readonly data: Uint8Array;
  declare readonly fields?: EntryFields;
  readonly gap: boolean;

  constructor({ stream, id, data, fields }: StreamEntry, gap: boolean) {
    this.stream = stream;
    this.id = id;
    this.data = data;
    if (fields !== undefined) this.fields = fields;
    this.gap = gap;
  }

  get timeMs(): number {
    return Number.parseInt(this.id, 10);
  }

  text(): string {
    const text = textOf(this.data);
    if (text === undefined) throw badPayload(this, "UTF-8");
    return text;
  }

  json(): unknown {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw error instanceof StreamerError ? error : badPayload(this, "JSON", error);
    }
  }

  value(contentType?: string): unknown {
    const field = this.fields?.get("content-type");
    const own = field instanceof Uint8Array ? lossyTextOf(field) : undefined;
    const type = own ?? contentType;
    if (type === undefined) return detectedValue(this);
    if (/^text\//i.test(type)) return this.text();
    const [, kind = ""] = /^application\/(?:[^;]*\+|x-|vnd\.)?(json|msgpack)\s*(?:;|$)/i.exec(type) ?? [];
    if (kind === "") return this.data;
    return kind.toLowerCase() === "json" ? this.json() : unpacked(this);
  }

  bytes(): Uint8Array {
    return this.data.slice();
  }
}

/** Creates the entry that a loop yields. */
export const createPulledEntry = (entry: StreamEntry, gap: boolean): PulledEntry =>
  new ReceivedEntry(entry, gap);

function unpacked(entry: PulledEntry): unknown {
  try {
    return readMsgpackValue(entry.data);
  } catch (error) {
    throw badPayload(entry, "MessagePack", error);
  }
}

/** Detects the type as `guessType` does, without the images and sounds, whose value is their bytes. */
function detectedValue(entry: PulledEntry): unknown {
  const { data } = entry;
  const text = hasControls(data) ? undefined : textOf(data);
  const isMsgpack = (byte = 0) => (byte >= 0x80 && byte < 0xa0) || (byte >= 0xdc && byte < 0xe0);
  try {
    if (text !== undefined) return JSON.parse(text);
    return isMsgpack(data[0]) ? readMsgpackValue(data) : data;
  } catch {
    return text || data;
  }
}

const badPayload = ({ stream, id }: StreamEntry, what: string, cause?: unknown) =>
  finalError("BAD_PAYLOAD", `entry ${id} of "${stream}" is not ${what}`, cause);
