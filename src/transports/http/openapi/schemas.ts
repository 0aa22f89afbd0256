/** Building blocks of the OpenAPI document: schemas, and the bodies and parameters that have them. */
import type { OpenAPIV3 } from "openapi-types";

/** JSON schema of the OpenAPI document. */
export type Schema = OpenAPIV3.SchemaObject;

/** Any text. */
export const STRING: Schema = { type: "string" };
/** Any whole number. */
export const INTEGER: Schema = { type: "integer" };
/** Any number. */
export const NUMBER: Schema = { type: "number" };
/** Bytes. */
export const BINARY: Schema = { type: "string", format: "binary" };
/** A time that may be unknown. */
export const TIME: Schema = { type: "string", format: "date-time", nullable: true };
/** Any object. */
export const OBJECT: Schema = { type: "object" };

/** Schema of a list. */
export const listOf = (items: Schema): Schema => ({ type: "array", items });

/** Schema of an object. @param required names of the members that are always present */
export const object = (properties: Record<string, Schema>, required?: string[]): Schema => ({
  type: "object",
  ...(required && { required }),
  properties,
});

/** Content of one media type. */
export const contentOf = (
  schema: Schema,
  type = "application/json",
): Record<string, OpenAPIV3.MediaTypeObject> => ({ [type]: { schema } });

/** A response with a body, by default JSON. */
export const body = (description: string, schema: Schema, type?: string): OpenAPIV3.ResponseObject => ({
  description,
  content: contentOf(schema, type),
});

/** Parameter of a path. */
export const pathParameter = (name: string, description?: string): OpenAPIV3.ParameterObject => ({
  name,
  in: "path",
  required: true,
  schema: STRING,
  ...(description && { description }),
});
