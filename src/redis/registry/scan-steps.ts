/** Walk with `SCAN` or `SSCAN`, which hold Redis only for one step. */
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import type { Reply } from "../resp/reader.ts";

/**
 * Walks over all names.
 *
 * @param step sends the command with a cursor
 * @param sortedNamesOf selects the names of a step, and sorts them
 * @returns the names of each step
 * @throws Error if a reply has no cursor
 */
export async function walkInSteps(
  step: (cursor: string) => Promise<Reply>,
  sortedNamesOf: (names: readonly Buffer[]) => readonly string[],
  workSlices: WorkSlices,
): Promise<(readonly string[])[]> {
  const slices = workSlices.begin();
  const runs: (readonly string[])[] = [];
  let cursor = "0";
  do {
    const { next, names } = scanReply(await step(cursor));
    runs.push(sortedNamesOf(names));
    cursor = next;
    if (slices.isOver()) await slices.next();
  } while (cursor !== "0");
  return runs;
}

/** Parses a reply: the cursor of the next step, which is `0` after the last one, and the names of this step. */
function scanReply(reply: Reply): { readonly next: string; readonly names: readonly Buffer[] } {
  const [next, names] = Array.isArray(reply) ? reply : [];
  if (!Buffer.isBuffer(next) || !Array.isArray(names))
    throw new Error("Redis replied to SCAN without a cursor");
  return { next: next.toString("latin1"), names: names.filter((name) => Buffer.isBuffer(name)) };
}
