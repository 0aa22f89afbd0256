/** Exports the layout of the page as a file, and imports one. */
import { pickFile } from "../page/pick-file.ts";
import { saveFile } from "../page/save-file.ts";
import type { Layout } from "../workspace/layout.ts";
import { formatLayoutFile, LAYOUT_FILE, readLayoutFile } from "../workspace/layout-file.ts";

/** Saves the layout as a file. */
export function exportLayout(layout: Layout): void {
  saveFile(new Blob([formatLayoutFile(layout.stored)], { type: "application/json" }), LAYOUT_FILE);
}

/** Replaces the layout by one of a file. @returns whether the user selected one @throws Error if it is not a layout */
export async function importLayout(layout: Layout): Promise<boolean> {
  const file = await pickFile(".json,application/json");
  if (file !== undefined) layout.show(await readLayoutFile(file));
  return file !== undefined;
}
