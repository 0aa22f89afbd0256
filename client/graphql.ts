/** GraphQL for the client: what it lists and changes. Where the gateway refuses, its code and sentence are the error. */
import { ERRORS } from "../src/domain/errors.ts";
import { badMessage, StreamerError } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { request } from "./request.ts";

/** A JSON object as it came. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Asks an operation. An error of a field that has no answer is thrown. @throws StreamerError */
export async function ask(
  gateway: Gateway,
  query: string,
  variables: JsonObject,
  signal: AbortSignal | undefined,
): Promise<JsonObject> {
  const { body } = await request(gateway, gateway.address.http("graphql", {}), {
    json: { query, variables },
    signal,
  });
  const { data, errors } = parse(body);
  const [first] = Array.isArray(errors) ? errors : [];
  if (isObject(first) && (!isObject(data) || Object.values(data).includes(null))) throw errorOf(first);
  if (!isObject(data)) throw badMessage("a GraphQL answer without data");
  return data;
}

/** Whether a value is a JSON object. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The objects of a list. */
export const objectsOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

/** The error that one error of an answer tells. */
function errorOf({ message, extensions }: JsonObject): StreamerError {
  const code = isObject(extensions) && typeof extensions.code === "string" ? extensions.code : "REFUSED";
  const retryable = Object.entries(ERRORS).some(([name, kind]) => name === code && kind.retryable);
  return new StreamerError(code, String(message), { retryable });
}

function parse(body: Uint8Array): JsonObject {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body));
    if (isObject(parsed)) return parsed;
  } catch (error) {
    throw badMessage("a GraphQL answer that is no JSON", error);
  }
  throw badMessage("a GraphQL answer that is no object");
}
