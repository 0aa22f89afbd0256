/** Paths of a track. */
import type { PulledEntry } from "../../../client/browser.ts";

/** Returns what entries have, such as their positions, in paths. An entry without it is left out, and a gap begins another path. */
export function pathsBy<T>(
  entries: readonly PulledEntry[],
  partOf: (entry: PulledEntry) => T | undefined,
): readonly (readonly T[])[] {
  const paths: T[][] = [];
  for (const entry of entries) {
    const part = partOf(entry);
    if (part === undefined) continue;
    const path = paths.at(-1);
    if (path === undefined || entry.gap) paths.push([part]);
    else path.push(part);
  }
  return paths;
}
