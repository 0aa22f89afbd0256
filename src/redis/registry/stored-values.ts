/** Reads the values of many keys, such as the metadata of all listed streams. */
import type { Commands } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import { collectReplies } from "./collect-replies.ts";

/**
 * Reads the values of keys, in their order. The reply for a key without a string is null or an error reply.
 *
 * @throws GatewayError if Redis does not reply
 */
export type ReadValues = (
  commands: Pick<Commands, "send">,
  keys: readonly string[],
) => Promise<readonly Reply[]>;

/** Keys of one command, so that Redis serves others in between. */
const KEYS_AT_ONCE = 100;

/** Reads from one server. A key of `MGET` takes the gateway and Redis about half as long as a `GET`. */
export const valuesOfServer: ReadValues = async (commands, keys) => {
  const reads: string[][] = [];
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE)
    reads.push(["MGET", ...keys.slice(from, from + KEYS_AT_ONCE)]);
  const replies = await collectReplies(commands, reads);
  return replies.flatMap((reply, i) =>
    // An error reply is that of each of its keys.
    Array.isArray(reply) ? reply : new Array<Reply>((reads[i]?.length ?? 1) - 1).fill(reply),
  );
};

/** Reads from a cluster, where `MGET` requires that all keys have one slot. */
export const valuesOfCluster: ReadValues = (commands, keys) =>
  collectReplies(
    commands,
    keys.map((key) => ["GET", key]),
  );
