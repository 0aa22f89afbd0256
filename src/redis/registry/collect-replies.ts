/** Sends many commands at once, and collects their replies. */
import type { Commands } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/**
 * Sends commands at once and collects their replies in order. It uses one promise for all, because thousands of promises
 * would dominate the cost. An error reply is returned as the reply of its command; any other error is thrown.
 */
export function collectReplies(
  database: Pick<Commands, "send">,
  commands: readonly (readonly Argument[])[],
): Promise<readonly Reply[]> {
  return new Promise((resolve, reject) => {
    const replies: Reply[] = new Array(commands.length);
    let missing = commands.length;
    if (missing === 0) resolve(replies);
    for (let i = 0; i < commands.length; i++)
      database.send(commands[i] ?? [], (error, reply) => {
        if (error !== undefined && !(error instanceof ReplyError)) reject(error);
        replies[i] = error instanceof ReplyError ? error : reply;
        if (--missing === 0) resolve(replies);
      });
  });
}
