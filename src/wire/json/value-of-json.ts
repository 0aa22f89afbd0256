/** Parses JSON of other programs, such as stored metadata; returns undefined for invalid JSON, and without a text. */
export function valueOfJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
