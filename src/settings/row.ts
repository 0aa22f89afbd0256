/** Row of the settings table: an environment variable, a flag, and a line of the documentation. */
import type { Parse } from "./parsers.ts";

/** Row of the settings table. */
export interface Row<T> {
  readonly env: string;
  readonly parse: Parse<T>;
  /** Default, as a user would write it. */
  readonly fallback: string;
  /** Unit of the value; empty if it has none. */
  readonly unit: "" | "s" | "ms" | "bytes" | "entries" | "streams" | "sockets" | "messages";
  readonly doc: string;
}

/** Creates a row. */
export const row = <T>(
  env: string,
  parse: Parse<T>,
  fallback: string,
  unit: Row<T>["unit"],
  doc: string,
): Row<T> => ({
  env,
  parse,
  fallback,
  unit,
  doc,
});

/** Returns the flag of a variable: `REDIS_URL` is `--redis-url`. */
export const flagName = (env: string): string => env.toLowerCase().replaceAll("_", "-");
