/** Parameters of idempotent appends, `dedupe=<key>&dedupe_from=<number>`: an entry that a client resends after a lost connection is stored once. */

import { badParameter } from "../../../domain/errors.ts";
import type { DedupeMark } from "../../../domain/streams/entry.ts";
import type { ParametersOf } from "../parameters/parameters.ts";

/** Maximum length of a dedupe key, in characters. */
const MAX_KEY_LENGTH = 200;

/** Returns the dedupe mark of the next entry of a request or connection. */
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
  if (key.length > MAX_KEY_LENGTH)
    throw badParameter("dedupe", `must have at most ${MAX_KEY_LENGTH} characters, got ${key.length}`);
  let number = from ?? 0;
  return () => ({ key, number: number++ });
}
