/** Row of the format `msgpack`. */
import type { CleanFormat } from "../clean-format.ts";
import {
  decodeMsgpack,
  decodeMsgpackBody,
  decodeMsgpackBodySteps,
  decodeMsgpackSteps,
  encodeMsgpackNotice,
} from "./msgpack.ts";
import { encodeMsgpack, encodeMsgpackSteps } from "./msgpack-encoder.ts";
import { encodeMsgpackWork, encodeMsgpackWorkNotice } from "./msgpack-work.ts";

/** MessagePack. */
export const MSGPACK_FORMAT: CleanFormat = {
  title: "MessagePack",
  mediaType: "application/msgpack",
  contentType: "application/msgpack",
  isBinary: true,
  encodedBytesPerByte: 3,
  encode: encodeMsgpack,
  encodeSteps: encodeMsgpackSteps,
  hasOwnPieces: false,
  encodeNotice: encodeMsgpackNotice,
  encodeWorkSteps: encodeMsgpackWork,
  encodeWorkNotice: encodeMsgpackWorkNotice,
  decode: decodeMsgpack,
  decodeSteps: decodeMsgpackSteps,
  decodeBody: decodeMsgpackBody,
  decodeBodySteps: decodeMsgpackBodySteps,
};
