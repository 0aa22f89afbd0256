/** `dedupe=<key>&dedupe_from=<number>`: entries that are sent again after a lost connection are stored once. */
import type { DedupeMark } from "../domain/entry.ts";
import { badParameter } from "../domain/errors.ts";
import type { Query } from "./query.ts";

/** Longest key, in characters. */
const MOST_KEY = 200;

/** Gives each entry of a request or connection its mark, in the order they were sent. */
export type MarkNext = () => DedupeMark;

/** Reads what the request says. @returns undefined where entries are taken as they come @throws GatewayError */
export function readDedupe(query: Query): MarkNext | undefined {
  const key = query.text("dedupe", "");
  if (key === "") {
    if (query.has("dedupe_from")) throw badParameter("dedupe_from", "wants a dedupe key beside it");
    return undefined;
  }
  if (key.length > MOST_KEY) throw badParameter("dedupe", `is longer than ${MOST_KEY} characters`);
  // A connection counts up from there, and 2^52 of its entries still are exact.
  let number = query.whole("dedupe_from", 0, 0, 2 ** 52);
  return () => ({ key, number: number++ });
}
