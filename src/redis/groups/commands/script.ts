/** Lua scripts that Redis knows by their hash, so that a command does not carry the text of its script. */
import { createHash } from "node:crypto";
import type { Done } from "../../resp/command-result.ts";
import type { Commands } from "../../resp/commands.ts";
import { ReplyError } from "../../resp/reader.ts";
import type { Argument } from "../../resp/writer.ts";

/** Lua script, with its SHA-1 for `EVALSHA`. */
export interface Script {
  readonly text: string;
  /** SHA-1 of the text, by which Redis finds it. */
  readonly hash: string;
}

/** Creates a script. */
export const scriptOf = (text: string): Script => ({
  text,
  hash: createHash("sha1").update(text).digest("hex"),
});

/** Runs a script by its hash, or by its text where Redis does not know it: at first, and after a restart or a failover. */
export function runScript(
  commands: Commands,
  { text, hash }: Script,
  { keys, args }: { readonly keys: readonly string[]; readonly args: readonly Argument[] },
  done: Done,
): void {
  const rest = [keys.length, ...keys, ...args];
  commands.send(["EVALSHA", hash, ...rest], (error, reply) => {
    if (error instanceof ReplyError && error.code === "NOSCRIPT")
      commands.send(["EVAL", text, ...rest], done);
    else done(error, reply);
  });
}
