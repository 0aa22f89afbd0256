/** Recognises the objects of parsed JSON. */

/** Whether a value is an object: not a list, and not null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
