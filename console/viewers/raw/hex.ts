/** Formats bytes as lines of offset, hex and ASCII. */

const PER_LINE = 16;

/** Maximum number of bytes formatted. */
export const MAX_HEX_BYTES = 1024;

/** Formats the first bytes, 16 per line. */
export function hexText(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(data.length, MAX_HEX_BYTES); at += PER_LINE) {
    const bytes = [...data.subarray(at, Math.min(at + PER_LINE, MAX_HEX_BYTES))];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const characters = bytes
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(PER_LINE * 3 - 1)}  ${characters}`);
  }
  return lines.join("\n");
}
