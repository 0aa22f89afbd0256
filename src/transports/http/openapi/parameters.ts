/** Query parameters in the OpenAPI document, generated from the table that requests are parsed with. */
import type { OpenAPIV3 } from "openapi-types";
import {
  type ParameterRoute,
  type Parameter as ParameterRow,
  type ParameterType,
  rowsOf,
} from "../../request/parameters.ts";

type Parameter = OpenAPIV3.ParameterObject;

const STREAM: Parameter = {
  name: "stream_id",
  in: "path",
  required: true,
  schema: { type: "string" },
  description:
    "Stream id; `a+b` selects several streams. `%2F` is a slash and `%2B` a plus within a stream id.",
};

/** Returns the parameters of a data route, from the table that its requests are parsed with. */
export const parametersOf = (route: ParameterRoute): Parameter[] => [
  STREAM,
  ...Object.entries(rowsOf(route)).map(
    ([name, row]): Parameter => ({
      name,
      in: "query",
      schema: schemaOf(row),
      description: descriptionOf(row),
    }),
  ),
];

const TYPES = {
  text: "string",
  name: "string",
  choice: "string",
  flag: "boolean",
  integer: "integer",
  number: "number",
} as const satisfies Record<ParameterType, OpenAPIV3.NonArraySchemaObjectType>;

const schemaOf = ({
  type,
  fallback,
  least,
  most,
  choices,
}: ParameterRow<unknown>): OpenAPIV3.SchemaObject => ({
  type: TYPES[type],
  ...(fallback !== undefined && { default: fallback }),
  ...(least !== undefined && { minimum: least }),
  ...(typeof most === "number" && { maximum: most }),
  ...(choices !== undefined && { enum: [...choices] }),
});

function descriptionOf({ doc, type, most, fallbackNote }: ParameterRow<unknown>): string {
  const sentences = [doc];
  if (type === "flag") sentences.push("1/0, true/false, yes/no, on/off, t/f, y/n.");
  if (typeof most === "string") sentences.push(`At most the setting ${most}.`);
  if (fallbackNote !== undefined) sentences.push(`Default: ${fallbackNote}.`);
  return sentences.join(" ");
}

/** Creates a query parameter with any text. */
export const textParameter = (name: string, description: string): Parameter => ({
  name,
  in: "query",
  schema: { type: "string" },
  description,
});
