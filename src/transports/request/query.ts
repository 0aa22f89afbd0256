/** Query string parser, driven by a table of parameters. Errors name the parameter, its value and the allowed values. */
import { parse } from "fast-querystring";
import { badParameter } from "../../domain/errors.ts";
import { splitNames } from "../../domain/streams/stream-name.ts";
import type { Parameter, ParameterTable, ParameterValues } from "./parameters/parameter-types.ts";
import { PARAMETERS, type ParameterRoute, type ParametersOf } from "./parameters/parameters.ts";

/** Settings that limit parameters. */
export interface ParameterLimits {
  readonly maxBatchEntries: number;
}

/**
 * Parses the parameters of a data route.
 *
 * @param search the query string, with or without its `?`
 * @throws GatewayError BAD_PARAMETER
 */
export const readParameters = <R extends ParameterRoute>(
  route: R,
  search: string,
  limits: ParameterLimits,
): ParametersOf<R> => parseQuery(PARAMETERS[route], search, limits);

/** Parses a query string by a table; ignores unknown parameters (see `unknownParameters`). @throws GatewayError BAD_PARAMETER */
export function parseQuery<T extends ParameterTable>(
  table: T,
  search: string,
  limits: ParameterLimits,
): ParameterValues<T> {
  const query = search.startsWith("?") ? search.slice(1) : search;
  const given: Readonly<Record<string, string | string[] | undefined>> = query === "" ? {} : parse(query);
  const values: Record<string, unknown> = {};
  for (const name in table) {
    const row: Parameter<unknown> | undefined = table[name];
    if (row === undefined) continue;
    const all = given[name];
    // The last of repeated parameters wins.
    const value = Array.isArray(all) ? all.at(-1) : all;
    values[name] = value === undefined ? row.fallback : readValue(name, row, value, query, limits);
  }
  return values as ParameterValues<T>;
}

const TRUE = /^(1|true|yes|on|t|y)$/i;
const FALSE = /^(0|false|no|off|f|n)$/i;
const INTEGER = /^\d{1,16}$/;
const NUMBER = /^\d{1,16}(\.\d{1,16})?$/;

function readValue(
  name: string,
  row: Parameter<unknown>,
  value: string,
  query: string,
  limits: ParameterLimits,
): unknown {
  const { type, fallback, choices = [] } = row;
  if (type === "name") return value;
  if (type === "names") return namesIn(name, query);
  if (value === "") return type === "flag" && isBare(query, name) ? true : fallback;
  switch (type) {
    case "text":
      return value;
    case "flag":
      if (TRUE.test(value)) return true;
      if (FALSE.test(value)) return false;
      throw badParameter(name, `must be 1 or 0, got ${quoted(value)}`);
    case "integer":
    case "number":
      return numberOf(name, row, value, limits);
    case "choice": {
      const found = choices.find((one) => one === value.toLowerCase());
      if (found !== undefined) return found;
      throw badParameter(name, `must be one of ${choices.join(", ")}, got ${quoted(value)}`);
    }
    default:
      return type satisfies never;
  }
}

function numberOf(
  name: string,
  { type, min = 0, max: bound = Number.MAX_SAFE_INTEGER }: Parameter<unknown>,
  value: string,
  { maxBatchEntries }: ParameterLimits,
): number {
  const max = bound === "MAX_BATCH_ENTRIES" ? maxBatchEntries : bound;
  const isInteger = type === "integer";
  const parsed = (isInteger ? INTEGER : NUMBER).test(value) ? Number(value) : Number.NaN;
  if (parsed >= min && parsed <= max) return parsed;
  const noun = isInteger ? "an integer" : "a number";
  throw badParameter(name, `must be ${noun} between ${min} and ${max}, got ${quoted(value)}`);
}

/** Reads names joined by an unescaped `+`, which URL decoding would turn into a space. */
function namesIn(name: string, query: string): readonly string[] {
  const last = query.split("&").findLast((part) => part.startsWith(`${name}=`)) ?? "";
  const text = last.slice(name.length + 1);
  return text === "" ? [] : splitNames(name, text);
}

/** Whether the last occurrence of a name has no `=`: `latest` sets the flag, `latest=` selects the default. */
function isBare(query: string, name: string): boolean {
  return query.split("&").findLast((part) => part === name || part.startsWith(`${name}=`)) === name;
}

const quoted = (value: string) => JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
