/** Types of query parameters, and the functions that declare one of each type. */

/** Syntax of a parameter's value. */
export type ParameterType = "text" | "name" | "names" | "flag" | "integer" | "number" | "choice";

/** One parameter, whose value is a `T`. */
export interface Parameter<T> {
  readonly type: ParameterType;
  /** Default: the value if the parameter is absent or, except for a `name`, empty. */
  readonly fallback: T;
  /** Description of a default that depends on something else than `fallback`. */
  readonly fallbackNote?: string;
  readonly min?: number;
  /** Maximum, or the setting that defines it. */
  readonly max?: number | "MAX_BATCH_ENTRIES";
  readonly choices?: readonly string[];
  /** One or two sentences, in Markdown. */
  readonly doc: string;
}

/** Parameters of a route, by name. */
export type ParameterTable = Readonly<Record<string, Parameter<unknown>>>;

/** The values of a table's parameters, by name. */
export type ParameterValues<T extends ParameterTable> = {
  readonly [N in keyof T]: T[N] extends Parameter<infer V> ? V : never;
};

/** Row of a parameter whose value is any text. */
export const text = <T extends string | undefined>(fallback: T, doc: string): Parameter<T | string> => ({
  type: "text",
  fallback,
  doc,
});

/** A text for which absent and empty differ. */
export const name = (doc: string, fallbackNote: string): Parameter<string | undefined> => ({
  type: "name",
  fallback: undefined,
  fallbackNote,
  doc,
});

/** Stream names or patterns, in the syntax of the path. */
export const names = (doc: string): Parameter<readonly string[] | undefined> => ({
  type: "names",
  fallback: undefined,
  doc,
});

/** `0` or `1`, also as `false` and `true`. */
export const flag = (fallback: boolean, doc: string): Parameter<boolean> => ({ type: "flag", fallback, doc });

/** A whole number from `min` to `max`. */
export const integer = <T extends number | undefined>(
  fallback: T,
  min: number,
  max: NonNullable<Parameter<T>["max"]>,
  doc: string,
): Parameter<T | number> => ({ type: "integer", fallback, min, max, doc });

/** A number from `min` to `max`. */
export const number = <T extends number | undefined>(
  fallback: T,
  min: number,
  max: number,
  doc: string,
): Parameter<T | number> => ({
  type: "number",
  fallback,
  min,
  max,
  doc,
});

/** One of several words. */
export const choice = <const C extends string, const F extends C | undefined>(
  fallback: F,
  choices: readonly C[],
  doc: string,
): Parameter<C | F> => ({ type: "choice", fallback, choices, doc });
