/** Range of a playback: its first and last entry id. */
import { parseRange } from "../../../domain/streams/cursor.ts";
import {
  type EntryId,
  earlierId,
  FIRST_ID,
  idAtTime,
  LAST_ID,
  laterId,
} from "../../../domain/streams/entry-id.ts";
import type { Registry } from "../../../redis/registry/registry.ts";
import type { ParametersOf } from "../../request/parameters/parameters.ts";

/** The first and the last id of a range. */
export interface PlayedRange {
  readonly start: EntryId;
  readonly end: EntryId;
}

/** Reads the range of a request; undefined for live entries. @throws GatewayError BAD_PARAMETER */
export function readRange({
  start,
  end,
}: Pick<ParametersOf<"foxglove">, "start" | "end">): PlayedRange | undefined {
  return start === "" && end === "" ? undefined : parseRange(start || "-", end || "+");
}

/**
 * Limits a range to the entries that streams have, so that a viewer knows what it can show.
 *
 * @param client the one that reads them, which takes turns with others
 * @throws GatewayError
 */
export async function storedRange(
  { start, end }: PlayedRange,
  keys: readonly string[],
  registry: Pick<Registry, "streams">,
  client: string,
): Promise<PlayedRange> {
  if (start !== FIRST_ID && end !== LAST_ID) return { start, end };
  const records = await registry.streams(keys, { depth: "facts", meta: false, client });
  const firsts = records.flatMap(({ details }) => details?.first?.id ?? []);
  const lasts = records.flatMap(({ details }) => details?.last?.id ?? []);
  const newest = lasts.reduce(laterId, lasts[0] ?? idAtTime(Date.now()));
  const last = end === LAST_ID ? newest : end;
  const first = start === FIRST_ID ? firsts.reduce(earlierId, last) : start;
  return { start: first, end: laterId(first, last) };
}
