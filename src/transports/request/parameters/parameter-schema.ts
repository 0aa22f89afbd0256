/** JSON Schemas and descriptions of query parameters, for the OpenAPI and the AsyncAPI document. */
import type { Parameter, ParameterType } from "./parameter-types.ts";

/** JSON Schema of a parameter. */
export interface ParameterSchema {
  readonly type: (typeof TYPES)[ParameterType];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: string[];
}

const TYPES = {
  text: "string",
  name: "string",
  choice: "string",
  names: "string",
  flag: "boolean",
  integer: "integer",
  number: "number",
} as const satisfies Record<ParameterType, string>;

/** Returns the JSON Schema of a parameter, valid in OpenAPI 3.0 and AsyncAPI. */
export const parameterSchema = ({
  type,
  fallback,
  min,
  max,
  choices,
}: Parameter<unknown>): ParameterSchema => ({
  type: TYPES[type],
  ...(fallback !== undefined && { default: fallback }),
  ...(min !== undefined && { minimum: min }),
  ...(typeof max === "number" && { maximum: max }),
  ...(choices !== undefined && { enum: [...choices] }),
});

/** Returns the description of a parameter, in Markdown. */
export function parameterText({ doc, type, max, fallbackNote }: Parameter<unknown>): string {
  const sentences = [doc];
  if (type === "flag") sentences.push("1/0, true/false, yes/no, on/off, t/f, y/n.");
  if (typeof max === "string") sentences.push(`At most the setting ${max}.`);
  if (fallbackNote !== undefined) sentences.push(`Default: ${fallbackNote}.`);
  return sentences.join(" ");
}
