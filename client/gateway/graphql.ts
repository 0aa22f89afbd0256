/** GraphQL requests of the client. An error of the gateway becomes a StreamerError with its code and message. */
import { ERRORS } from "../../src/domain/errors.ts";
import { badMessage, StreamerError } from "../errors.ts";
import type { Gateway } from "./gateway.ts";
import { request } from "./request.ts";

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Executes an operation and returns its `data`.
 *
 * @param isOfOne the operation concerns one stream: an error of any field is its error
 * @throws StreamerError if a top-level field is null because of an error
 */
export async function execute(
  gateway: Gateway,
  query: string,
  variables: JsonObject,
  signal: AbortSignal | undefined,
  isOfOne = false,
): Promise<JsonObject> {
  const { body } = await request(gateway, gateway.address.http("graphql", {}), {
    json: { query, variables },
    signal,
  });
  const { data, errors } = parse(body);
  const first = (errors as readonly unknown[] | null | undefined)?.[0];
  if (isObject(first) && (isOfOne || !isObject(data) || Object.values(data).includes(null)))
    throw errorOf(first);
  if (!isObject(data)) throw badMessage("a GraphQL response without data");
  return data;
}

/** True for a JSON object. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the objects of a list; empty if the value is not a list. */
export const objectsOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

/** Converts an error of a GraphQL response. */
function errorOf({ message, extensions }: JsonObject): StreamerError {
  const code = isObject(extensions) && typeof extensions.code === "string" ? extensions.code : "REFUSED";
  const retryable = Object.entries(ERRORS).some(([name, kind]) => name === code && kind.retryable);
  return new StreamerError(code, String(message), { retryable });
}

function parse(body: Uint8Array): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Reported below.
  }
  if (isObject(parsed)) return parsed;
  throw badMessage("a GraphQL response that is not a JSON object");
}
