/** `dedupe=<key>&dedupe_from=<number>`: entries that are sent again after a lost connection are stored once. */
import type { DedupeMark } from "../../domain/entry.ts";
import { badParameter } from "../../domain/errors.ts";
import type { ParametersOf } from "./parameters.ts";

/** Longest key, in characters. */
const MOST_KEY = 200;

/** Gives each entry of a request or connection its mark, in the order they were sent. */
export type MarkNext = () => DedupeMark;

/** Reads the dedupe parameters. @returns undefined if the request has none @throws GatewayError BAD_PARAMETER */
export function readDedupe({
  dedupe: key,
  dedupe_from: from,
}: Pick<ParametersOf<"post">, "dedupe" | "dedupe_from">): MarkNext | undefined {
  if (key === "") {
    if (from !== undefined) throw badParameter("dedupe_from", "requires dedupe");
    return undefined;
  }
  if (key.length > MOST_KEY)
    throw badParameter("dedupe", `must have at most ${MOST_KEY} characters, got ${key.length}`);
  let number = from ?? 0;
  return () => ({ key, number: number++ });
}
