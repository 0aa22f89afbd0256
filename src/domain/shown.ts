/** Values of clients in error messages. */

/** Maximum length of a value. */
const MAX_CHARACTERS = 60;

/** Returns a value as an error message shows it: as JSON, cut if it is long; `none` for an absent one. */
export function shown(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return JSON.stringify(value.slice(0, MAX_CHARACTERS));
  return String(JSON.stringify(value)).slice(0, MAX_CHARACTERS);
}
