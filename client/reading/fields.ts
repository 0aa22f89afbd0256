/** Formats the fields of an entry as one line for logs, terminals and pages: `qty=3 item=bolt tags=[a, b] blob=(12 bytes)`. */
import { type EntryFields, valuesOf } from "../../src/domain/streams/entry.ts";
import { textOf } from "../../src/wire/utf8.ts";

/** Names and values that need no quotes. */
const PLAIN = /^[\p{L}\p{N}_.:/@+-]+$/u;

const quoted = (text: string): string => (PLAIN.test(text) ? text : JSON.stringify(text));

function valueText(value: Uint8Array): string {
  const text = textOf(value);
  return text === undefined ? `(${value.length} bytes)` : quoted(text);
}

/** Formats fields as one line; empty if there are none. A repeated field is printed as a list of its values. */
export const fieldsText = (fields: EntryFields | undefined): string =>
  [...(fields ?? [])]
    .map(([name, value]) => {
      const values = valuesOf(value).map(valueText).join(", ");
      return `${quoted(name)}=${value instanceof Uint8Array ? values : `[${values}]`}`;
    })
    .join(" ");
