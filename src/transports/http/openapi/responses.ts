/** Responses and bodies that several operations of the OpenAPI document share. */
import type { OpenAPIV3 } from "openapi-types";
import { CLEAN_FORMAT_NAMES, cleanFormat, RAW_TYPE } from "../../../wire/formats.ts";
import { BINARY, body, contentOf, listOf, object, STRING } from "./schemas.ts";

/** A response without a described body. */
export const text = (description: string): OpenAPIV3.ResponseObject => ({ description });
/** A response with the body of an error. */
export const problem = (description: string): OpenAPIV3.ResponseObject =>
  body(description, object({ error: STRING, code: STRING }, ["error", "code"]));

/** Errors of routes that require a key. */
export const FAULTS = {
  "400": problem("A parameter or the body is not valid; `error` names it."),
  "401": problem("A key or token is required, or the one sent is not valid."),
  "403": problem("Not permitted for this page, host, key or token."),
  "429": problem("A rate limit is exceeded; `Retry-After` is the time to wait."),
  "503": problem(
    "Redis is unavailable, or the gateway has no memory for the request; `Retry-After` is the time to wait.",
  ),
};

/** Responses to an invalid request head, on any path (`checkHead`). */
export const HEAD_FAULTS = {
  "417": problem("The `Expect` header is not `100-continue`."),
  "431": problem("The headers are too large or too many."),
};

/** Responses of WebSocket routes. */
export const SOCKET = {
  "101": text("The connection is a WebSocket."),
  "426": problem("The route requires a WebSocket handshake."),
};

/** Bodies with entries, by media type. */
export const BODIES: Record<string, OpenAPIV3.MediaTypeObject> = {
  ...contentOf(BINARY, RAW_TYPE),
  ...Object.fromEntries(
    CLEAN_FORMAT_NAMES.map(cleanFormat).map(({ mediaType, isBinary }) => [
      mediaType,
      { schema: isBinary ? BINARY : listOf(listOf({})) },
    ]),
  ),
};

/** A response with entries. */
export const ENTRIES: OpenAPIV3.ResponseObject = {
  description: "The entries, end to end or in the clean format.",
  headers: {
    "x-offsets": {
      description:
        "`[[stream_id, entry_id, offset], …]`, ASCII, with the body of `raw`. A response has fewer entries than `count` if this header would grow too large (`MAX_RESPONSE_HEADER_BYTES`).",
      schema: STRING,
    },
    "x-last-entry-id": {
      description: "The cursor for the next request, one per stream, joined by `+`.",
      schema: STRING,
    },
    "x-gaps": {
      description:
        "Gaps, where entries may be missing before these: `[[stream_id, after, before], …]`; absent without gaps.",
      schema: STRING,
    },
  },
  content: BODIES,
};

/** Error of routes with a small body. */
export const SMALL_BODY = { "413": problem("The body is over 16 KB.") };
