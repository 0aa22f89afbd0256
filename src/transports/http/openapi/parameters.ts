/** Query parameters in the OpenAPI document, generated from the table that requests are parsed with. */
import type { OpenAPIV3 } from "openapi-types";
import { parameterSchema, parameterText } from "../../request/parameters/parameter-schema.ts";
import { type ParameterRoute, rowsOf } from "../../request/parameters/parameters.ts";
import { pathParameter, STRING } from "./schemas.ts";

type Parameter = OpenAPIV3.ParameterObject;

const STREAM = pathParameter(
  "stream_id",
  "Stream id; `a+b` selects several streams. `%2F` is a slash and `%2B` a plus within a stream id.",
);

/** Returns the parameters of a data route, from the table that its requests are parsed with. @param path others of its path */
export const parametersOf = (route: ParameterRoute, ...path: readonly Parameter[]): Parameter[] => [
  STREAM,
  ...path,
  ...queryOf(route),
];

/** Returns the query parameters of a route. */
export const queryOf = (route: ParameterRoute): Parameter[] =>
  Object.entries(rowsOf(route)).map(
    ([name, row]): Parameter => ({
      name,
      in: "query",
      schema: parameterSchema(row),
      description: parameterText(row),
    }),
  );

/** Creates a query parameter with any text. */
export const textParameter = (name: string, description: string): Parameter => ({
  name,
  in: "query",
  schema: STRING,
  description,
});
