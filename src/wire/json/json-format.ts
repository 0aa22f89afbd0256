/** Row of the format `json`. */
import type { CleanFormat } from "../clean-format.ts";
import { lossyTextOf } from "../utf8.ts";
import { decodeJson, decodeJsonBody, decodeJsonBodySteps, decodeJsonSteps, encodeJson } from "./json.ts";
import { encodeJsonSteps } from "./json-encode-steps.ts";
import { encodeJsonWork, encodeJsonWorkNotice } from "./json-work.ts";

/** JSON. */
export const JSON_FORMAT: CleanFormat = {
  title: "JSON",
  mediaType: "application/json",
  contentType: "application/json; charset=utf-8",
  isBinary: false,
  // The text, and the values that are parsed from it.
  decodedBytesPerByte: 3,
  // The body is a string first, in which a byte takes up to four characters.
  encodedBytesPerByte: 5,
  encode: encodeJson,
  encodeSteps: encodeJsonSteps,
  hasOwnPieces: true,
  encodeNotice: (notice) => JSON.stringify(notice),
  encodeWorkSteps: encodeJsonWork,
  encodeWorkNotice: encodeJsonWorkNotice,
  decode: (bytes, maxEntries) => decodeJson(lossyTextOf(bytes), maxEntries),
  decodeSteps: decodeJsonSteps,
  decodeBody: decodeJsonBody,
  decodeBodySteps: decodeJsonBodySteps,
};
