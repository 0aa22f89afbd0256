/** Values of clients in error messages. */

/** Maximum length of a value. */
const MAX_CHARACTERS = 60;

/** Returns a value as an error message shows it: as JSON, cut if it is long. */
export const shown = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, MAX_CHARACTERS))
    : String(JSON.stringify(value)).slice(0, MAX_CHARACTERS);
