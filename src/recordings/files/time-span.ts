/** Times of the first and the last entry of a file. */
import type { McapIndexedReader } from "@mcap/core";
import { NS_PER_MS } from "../../wire/foxglove/log-time.ts";

/** Times in ms since 1970. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the times; undefined without entries. */
export function spanOf({ statistics }: McapIndexedReader): TimeSpan | undefined {
  if (statistics === undefined || statistics.messageCount === 0n) return undefined;
  const msOf = (time: bigint) => Number(time / NS_PER_MS);
  return { fromMs: msOf(statistics.messageStartTime), toMs: msOf(statistics.messageEndTime) };
}
