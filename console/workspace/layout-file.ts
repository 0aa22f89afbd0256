/** A layout as a file: JSON with the text of its link. */
import { isObject } from "../../client/gateway/graphql.ts";
import { bytesText } from "../page/format.ts";
import { idsOf, type StoredLayout } from "./layout.ts";
import { formatLayout, parseLayout } from "./layout-link.ts";

/** Name of an exported file. */
export const LAYOUT_FILE = "redis-streamer-layout.json";

const TYPE = "redis-streamer-layout";
const VERSION = 1;
const MAX_BYTES = 100_000;

/** Formats a layout as the text of a file. */
export const formatLayoutFile = (layout: StoredLayout): string =>
  `${JSON.stringify({ type: TYPE, version: VERSION, link: formatLayout(layout) }, undefined, 2)}\n`;

/** Reads a file. @throws Error if it is not a layout, or damaged */
export async function readLayoutFile(file: Pick<File, "name" | "size" | "text">): Promise<StoredLayout> {
  if (file.size > MAX_BYTES)
    throw new Error(
      `${file.name} has ${bytesText(file.size)}; a layout has at most ${bytesText(MAX_BYTES)}.`,
    );
  return parseLayoutFile(file.name, await file.text());
}

/** Parses the text of a file. @param name of the file, for messages @throws Error if it is not a layout, or damaged */
export function parseLayoutFile(name: string, text: string): StoredLayout {
  const value = parseJson(name, text);
  if (!isObject(value) || value.type !== TYPE) throw new Error(`${name} is not a layout of this console.`);
  if (value.version !== VERSION)
    throw new Error(`${name} has version ${String(value.version)}; this console reads version ${VERSION}.`);
  const { link } = value;
  if (typeof link !== "string") throw new Error(`${name} is damaged: it has no "link".`);
  const layout = parseLayout(`#${link}`);
  if (idsOf(layout).length === 0) throw new Error(`${name} is damaged: its link opens no pane.`);
  // A link with an invalid arrangement opens its panes; a file that was cut or edited is reported.
  const hasGrid = new URLSearchParams(link).has("grid");
  if (hasGrid && layout.grid === undefined)
    throw new Error(`${name} is damaged: its arrangement does not match its panes.`);
  return layout;
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} is damaged: it is not valid JSON.`);
  }
}
