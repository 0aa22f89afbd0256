/** Connections of consumer groups, and the scripts that run over them. */
import type { GatewayError } from "../../../domain/errors.ts";
import { gatewayErrorOf } from "../../reply-errors.ts";
import { type Done, ReplyLostError } from "../../resp/command-result.ts";
import type { Commands, Database } from "../../resp/commands.ts";
import { type Reply, ReplyError } from "../../resp/reader.ts";
import type { Argument } from "../../resp/writer.ts";
import { runScript, type Script } from "./script.ts";

/** Connections that groups use. */
export interface GroupConnections {
  /** Reads for consumers and arms the tracking; commands fail at once while Redis is unavailable. */
  readonly live: Database;
  /** The connection of `live` while there are consumers, else that of `settling`. */
  readonly current: Database;
  /** Settles entries; commands wait for Redis. */
  readonly settling: Database;
  /** Runs a task at the end of this event-loop turn, before the commands of the turn are written. */
  atTurnEnd(task: () => void): void;
  /** Whether a script can use these two keys. */
  isSameServer(key: string, other: string): boolean;
  /** `REDIS_STREAM_MAXLEN`, for dead-letter streams; 0 keeps everything. */
  readonly streamMaxLength: number;
}

/** Keys and arguments of a script. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** Maximum number of entries of a dead-letter stream without `REDIS_STREAM_MAXLEN`. */
const MAX_DEAD_LETTERS = 1_000_000;

/** Returns the maximum length of dead-letter streams. */
export const maxDeadLetters = ({ streamMaxLength }: GroupConnections): number =>
  streamMaxLength || MAX_DEAD_LETTERS;

/** Whether the group does not exist, or no longer. In a script, Redis puts other words before the code. */
export const isNoGroup = (error: Error): boolean =>
  error instanceof ReplyError && /\bNOGROUP\b/.test(error.message);

/** Runs a script. @throws ReplyError or GatewayError */
export const callScript = (commands: Commands, script: Script, call: ScriptCall): Promise<Reply> =>
  new Promise((resolve, reject) => {
    runScript(commands, script, call, (error, reply) => (error ? reject(error) : resolve(reply)));
  });

/** Receives the reply of a script that settles entries: undefined if the group does not exist any more. */
export type OnSettleReply = (result: Reply | undefined | GatewayError) => void;

/**
 * Runs a script that settles entries: in one write with the reads of this event-loop turn, or later if Redis is unavailable
 * now. A script that may have run is not repeated, because a second run would find the entries settled.
 */
export function settleByScript(
  { current, settling }: GroupConnections,
  script: Script,
  call: ScriptCall,
  done: OnSettleReply,
): void {
  const finish: Done = (error, reply) => {
    if (error === undefined) done(reply);
    else done(isNoGroup(error) ? undefined : gatewayErrorOf(error));
  };
  runScript(current, script, call, (error, reply) => {
    const mayHaveRun = error instanceof ReplyError || error instanceof ReplyLostError;
    if (error === undefined || mayHaveRun) finish(error, reply);
    else runScript(settling, script, call, finish);
  });
}
