/** Reads query parameters. Errors name the parameter; unknown ones are left to `parameters.ts`. */
import { parse } from "fast-querystring";
import { badParameter } from "../domain/errors.ts";
import type { ParameterName } from "./parameters.ts";

/** The parameters of one request, typed by the table of names. All readers throw `GatewayError` BAD_PARAMETER. */
export interface Query<Name extends string = ParameterName> {
  /** Returns the value of a parameter, also an empty one; undefined if it is absent. */
  given(name: Name): string | undefined;
  /** The text of a parameter, or the fallback where it is absent or empty. */
  text(name: Name, fallback: string): string;
  /** A boolean in any common spelling; a bare name, `?latest`, is true. */
  flag(name: Name, fallback: boolean): boolean;
  /** A whole number in a range. */
  whole(name: Name, fallback: number, least: number, most: number): number;
  /** A number in a range. */
  number(name: Name, fallback: number, least: number, most: number): number;
  /** One of a few words, in any case. */
  choice<const T extends string>(name: Name, fallback: T, choices: readonly T[]): T;
  /** Whether the parameter is there, and not empty. */
  has(name: Name): boolean;
}

const TRUE = /^(1|true|yes|on|t|y)$/i;
const FALSE = /^(0|false|no|off|f|n)$/i;

/** Makes a reader of a query string, with or without its `?`. */
export function readQuery<Name extends string = ParameterName>(search: string): Query<Name> {
  const parameters: Readonly<Record<string, string | string[] | undefined>> = parse(
    search.startsWith("?") ? search.slice(1) : search,
  );
  const given = (name: string): string | undefined => {
    const value = parameters[name];
    // Given twice, the last one counts.
    return Array.isArray(value) ? value.at(-1) : value;
  };
  const last = (name: string): string | undefined => given(name) || undefined;

  function number(
    name: string,
    fallback: number,
    least: number,
    most: number,
    pattern: RegExp,
    noun: string,
  ): number {
    const value = last(name);
    if (value === undefined) return fallback;
    const parsed = pattern.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= least && parsed <= most))
      throw badParameter(name, `wants ${noun} from ${least} to ${most}, not ${quoted(value)}`);
    return parsed;
  }

  return {
    given,
    has: (name) => last(name) !== undefined,
    text: (name, fallback) => last(name) ?? fallback,
    flag(name, fallback) {
      const value = last(name);
      if (value === undefined) return given(name) === "" && isBare(search, name) ? true : fallback;
      if (TRUE.test(value)) return true;
      if (FALSE.test(value)) return false;
      throw badParameter(name, `wants 1 or 0, not ${quoted(value)}`);
    },
    whole: (name, fallback, least, most) =>
      number(name, fallback, least, most, /^\d{1,16}$/, "a whole number"),
    number: (name, fallback, least, most) =>
      number(name, fallback, least, most, /^\d{1,16}(\.\d{1,16})?$/, "a number"),
    choice(name, fallback, choices) {
      const value = last(name)?.toLowerCase();
      if (value === undefined) return fallback;
      const found = choices.find((choice) => choice === value);
      if (found === undefined)
        throw badParameter(name, `wants one of ${choices.filter(Boolean).join(", ")}, not ${quoted(value)}`);
      return found;
    },
  };
}

/** Whether the last occurrence of a name has no `=`. With one, `latest=`, the value is empty, which means the default. */
function isBare(search: string, name: string): boolean {
  const parts = search.replace(/^\?/, "").split("&");
  return parts.findLast((part) => part === name || part.startsWith(`${name}=`)) === name;
}

const quoted = (value: string) => JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
