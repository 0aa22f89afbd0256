/** Building blocks of the messages of the AsyncAPI document. */

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Content type of messages that name no other. */
export const JSON_TYPE = "application/json";

/** Schema of text. */
export const TEXT = { type: "string" } as const;

/** Schema of an entry id. */
export const ID = { type: "string", pattern: "^\\d+-\\d+$" } as const;

/** Schema of an object. @param required names of the members that are always present */
export const object = (properties: Json, required = Object.keys(properties)): Json => ({
  type: "object",
  required,
  properties,
});

/** Message of the AsyncAPI document. */
export interface Message {
  readonly title: string;
  readonly summary: string;
  readonly contentType: string;
  readonly payload: Json;
}

/** Creates a message. @param payload its schema */
export const message = (title: string, summary: string, payload: Json, contentType = JSON_TYPE): Message => ({
  title,
  summary,
  contentType,
  payload,
});
