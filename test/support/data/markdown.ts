/** Tables of the documentation. */
import { existsSync, readFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url);

/** Reads a file of the repository. @throws Error if it does not exist */
export const readDoc = (name: string): string => readFileSync(new URL(name, root), "utf8");

/** Returns whether the repository has a file. */
export const hasDoc = (name: string): boolean => existsSync(new URL(name, root));

/** Returns the part of a document from a heading, `## Limits`, to the next one of the same or a higher level. */
export function sectionOf(document: string, heading: string): string {
  const lines = document.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`no heading ${JSON.stringify(heading)}`);
  const level = heading.indexOf(" ");
  const isEnd = (line: string) => /^#+ /.test(line) && line.indexOf(" ") <= level;
  const length = lines.slice(start + 1).findIndex(isEnd);
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join("\n");
}

/**
 * Returns the rows of the first table whose head begins with a column, as lists of cells in their Markdown.
 *
 * @throws Error if there is none
 */
export function tableOf(text: string, firstColumn: string): readonly (readonly string[])[] {
  const lines = text.split("\n");
  const head = lines.findIndex((line) => line.startsWith(`| ${firstColumn} |`));
  if (head < 0) throw new Error(`no table with the column ${firstColumn}`);
  const rows = lines.slice(head + 2);
  const length = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, length < 0 ? undefined : length).map(cellsOf);
}

/** Splits a row at the bars that are not escaped. */
const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The text of a cell that is one piece of code. */
export const plain = (cell: string): string => cell.replaceAll("`", "");
