import type { StreamEntries } from "../../../src/domain/streams/entry.ts";
import { encodeMsgpack } from "../../../src/wire/msgpack/msgpack-encoder.ts";

/** Encodes entries as one MessagePack message. */
export const wholeMsgpack = (streams: readonly StreamEntries[]): Uint8Array =>
  new Uint8Array(Buffer.concat(encodeMsgpack(streams)));
