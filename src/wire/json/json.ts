/**
 * Codec of the JSON format: `[[stream_id, entry_id, payload], …]`, with an object of further fields as an optional fourth
 * element (docs/protocol.md, "Formats"). Bytes are a string if they are valid UTF-8, else `{"base64": "…"}`.
 */

import { GatewayError } from "../../domain/errors.ts";
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { Entry, EntryFields, FieldValue, StreamEntries } from "../../domain/streams/entry.ts";
import { decodeBase64, decodeBase64Steps } from "../base64.ts";
import { cleanEntries } from "../clean-entries.ts";
import { malformed, type PushedEntry, preview } from "../push-batch.ts";
import { bytesOfText, isUtf8InSteps, textOf } from "../utf8.ts";
import { bytesJson } from "./json-encode-steps.ts";
import { parseJsonSteps } from "./json-steps.ts";
import { parseJson } from "./json-text.ts";

/** Encodes entries as one JSON list. */
export function encodeJson(streams: readonly StreamEntries[]): string {
  const items: string[] = [];
  for (const { stream, entries } of streams) {
    const name = JSON.stringify(stream);
    for (const entry of entries) items.push(itemOf(name, entry));
  }
  return `[${items.join(",")}]`;
}

/** Encodes one entry as one line. */
export const encodeJsonEntry = (stream: string, entry: Entry): string =>
  itemOf(JSON.stringify(stream), entry);

function itemOf(name: string, { id, data, fields }: Entry): string {
  const further = fields === undefined ? "" : `,${fieldsJson(fields)}`;
  return `[${name},"${id}",${bytesJson(data)}${further}]`;
}

/** Encodes the fields of an entry. */
export const fieldsJson = (fields: EntryFields): string =>
  `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${valueJson(value)}`).join(",")}}`;

/** A repeated field is a list. */
const valueJson = (value: FieldValue): string =>
  value instanceof Uint8Array ? bytesJson(value) : `[${value.map(bytesJson).join(",")}]`;

/** Decodes a pushed batch. @throws GatewayError BAD_HEADER or TOO_LARGE */
export const decodeJson = (text: string, maxEntries: number): PushedEntry[] =>
  runAtOnce(cleanEntries(parseJson(text, "the message", maxEntries), maxEntries, bytesOfJson));

/** Decodes a long pushed batch in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
export function* decodeJsonSteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[]> {
  const value = yield* parseJsonSteps(bytes, "the message", maxEntries);
  return yield* cleanEntries(value, maxEntries, bytesOfJson);
}

/**
 * Decodes a posted batch. JSON must be UTF-8 (RFC 8259, section 8.1): other bytes would be stored as U+FFFD.
 *
 * @returns undefined if the body is an object, which is not a batch
 * @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE
 */
export function decodeJsonBody(body: Uint8Array, maxEntries: number): PushedEntry[] | undefined {
  const text = textOf(body);
  if (text === undefined) throw notUtf8();
  return runAtOnce(bodyEntries(parseJson(text, "the body", maxEntries), maxEntries));
}

const notUtf8 = () => new GatewayError("BAD_BODY", "the JSON body must be UTF-8");

/** Decodes a long posted batch in steps, with the same result. @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE */
export function* decodeJsonBodySteps(
  bytes: Uint8Array,
  maxEntries: number,
): Generator<void, PushedEntry[] | undefined> {
  if (!(yield* isUtf8InSteps(bytes))) throw notUtf8();
  return yield* bodyEntries(yield* parseJsonSteps(bytes, "the body", maxEntries), maxEntries);
}

function* bodyEntries(value: unknown, maxEntries: number): Generator<void, PushedEntry[] | undefined> {
  // A long string is already bytes here. It is not a batch, so it is rejected below.
  const isObject = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
  if (isObject && !Array.isArray(value)) return undefined;
  return yield* cleanEntries(value, maxEntries, bytesOfJson);
}

function bytesOfJson(value: unknown, what: string): Uint8Array | Generator<void, Uint8Array> {
  if (typeof value === "string") return bytesOfText(value);
  if (value instanceof Uint8Array) return value;
  const base64 = value instanceof Map ? value.get("base64") : base64Of(value);
  if (base64 instanceof Uint8Array) return longBase64(base64, what, value);
  const bytes = typeof base64 === "string" ? decodeBase64(base64) : undefined;
  if (bytes === undefined) throw notBytes(what, value);
  return bytes;
}

const base64Of = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "base64" in value ? value.base64 : undefined;

const notBytes = (what: string, value: unknown) =>
  malformed(`${what} must be a string or {"base64": "…"}, got ${preview(value)}`);

function* longBase64(text: Uint8Array, what: string, value: unknown): Generator<void, Uint8Array> {
  const bytes = yield* decodeBase64Steps(text);
  if (bytes === undefined) throw notBytes(what, value);
  return bytes;
}
