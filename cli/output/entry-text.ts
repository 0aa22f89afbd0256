/** Formats an entry as one line. */
import { fieldsText, type StreamEntry } from "../../client/index.ts";
import { oneLine, payloadText } from "./payload-text.ts";

/** Formats an entry with its payload and fields. Entries written by other programs may have fields and no payload. */
export function entryLine({ stream, id, data, fields }: StreamEntry): string {
  const parts = data.length > 0 || fields === undefined ? [payloadText(data)] : [];
  if (fields !== undefined) parts.push(oneLine(fieldsText(fields)));
  return `${oneLine(stream)}: ${id} | ${parts.join(" | ")}`;
}
