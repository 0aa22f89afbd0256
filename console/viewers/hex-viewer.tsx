/** Hex viewer: the bytes of the newest entry, 16 per line, in hex and ASCII. */
import type { ReadonlySignal } from "@preact/signals";
import { fieldsText, type PulledEntry } from "../../client/browser.ts";
import { bytesText } from "../page/format.ts";

const PER_LINE = 16;
/** Maximum number of bytes displayed. */
const MAX_BYTES = 1024;
/** Maximum number of characters displayed of the fields. */
const MAX_FIELD_CHARACTERS = 2000;

/** Formats bytes as lines of offset, hex and ASCII. */
export function hexText(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(data.length, MAX_BYTES); at += PER_LINE) {
    const bytes = [...data.subarray(at, at + PER_LINE)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const characters = bytes
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(PER_LINE * 3 - 1)}  ${characters}`);
  }
  return lines.join("\n");
}

/** Renders the bytes. */
export function HexViewer({ entries }: { readonly entries: ReadonlySignal<readonly PulledEntry[]> }) {
  const newest = entries.value.at(-1);
  if (newest === undefined) return null;
  return (
    <>
      <pre class="hex" tabIndex={0} role="region" aria-label="The newest entry's bytes">
        {hexText(newest.data)}
      </pre>
      <p class="facts">
        entry {newest.id}, {bytesText(newest.data.length)}
        {newest.data.length > MAX_BYTES && `, the first ${MAX_BYTES} of them`}
        {newest.fields && <> · {fieldsText(newest.fields).slice(0, MAX_FIELD_CHARACTERS)}</>}
      </p>
    </>
  );
}
