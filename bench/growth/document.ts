/** The generated part of docs/operating.md, between two comments. */

const START = "<!-- growth: written by npm run bench:growth -- --write -->";
const END = "<!-- /growth -->";

/** Replaces the text between the comments. @throws Error if they are missing */
export function replaceGrowth(document: string, tables: string): string {
  const start = document.indexOf(START);
  const end = document.indexOf(END);
  if (start === -1 || end < start) throw new Error(`the document has no "${START}" … "${END}"`);
  return `${document.slice(0, start)}${START}\n\n${tables}\n\n${document.slice(end)}`;
}
