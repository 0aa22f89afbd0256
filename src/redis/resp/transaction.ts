/** Transaction (`MULTI`, `EXEC`) over one connection: several commands as one atomic step. */
import type { GatewayError } from "../../domain/errors.ts";
import type { Done } from "./command-result.ts";
import { areReads, readScript } from "./read-script.ts";
import { type Reply, ReplyError } from "./reader.ts";
import type { Argument } from "./writer.ts";

/** Receives the replies in the order of the commands. An error reply is returned as the reply of its command. */
export type TransactionDone = (
  error: ReplyError | GatewayError | undefined,
  replies: readonly Reply[],
) => void;

const NO_REPLIES: readonly Reply[] = [];

/**
 * Sends commands as one transaction. A command that Redis rejects when it is queued fails all of them with its error.
 * A server without transactions runs each command by itself. A server whose memory is full runs reads as a script.
 *
 * @param send sends one command; all are sent synchronously, so that no other command is sent between them
 */
export function sendTransaction(
  send: (args: readonly Argument[], done: Done) => void,
  commands: readonly (readonly Argument[])[],
  done: TransactionDone,
): void {
  let isPlain = false;
  let rejected: ReplyError | GatewayError | undefined;
  const plain: Reply[] = [];
  send(["MULTI"], (error) => {
    isPlain = error instanceof ReplyError && /unknown command/i.test(error.message);
    if (!isPlain) rejected = error;
  });
  for (const command of commands) {
    send(command, (error, reply) => {
      if (isPlain) plain.push(error instanceof ReplyError ? error : reply);
      else rejected ??= error;
    });
  }
  send(["EXEC"], (error, reply) => {
    if (isPlain && (error === undefined || error instanceof ReplyError)) done(undefined, plain);
    else if (isFull(rejected) && areReads(commands)) sendScript(send, commands, rejected, done);
    else if (rejected !== undefined || error !== undefined) done(rejected ?? error, NO_REPLIES);
    else if (Array.isArray(reply)) done(undefined, reply);
    else done(new ReplyError("ERR EXEC returned no list"), NO_REPLIES);
  });
}

const isFull = (error: Error | undefined): error is ReplyError =>
  error instanceof ReplyError && error.code === "OOM";

/** Runs the commands as a script. @param rejected the error to report if the server does not permit scripts either */
function sendScript(
  send: (args: readonly Argument[], done: Done) => void,
  commands: readonly (readonly Argument[])[],
  rejected: ReplyError,
  done: TransactionDone,
): void {
  send(readScript(commands), (error, reply) => {
    if (error instanceof ReplyError && /\beval\b/i.test(error.message)) done(rejected, NO_REPLIES);
    else if (error !== undefined) done(error, NO_REPLIES);
    else if (Array.isArray(reply)) done(undefined, reply);
    else done(new ReplyError("ERR EVAL returned no list"), NO_REPLIES);
  });
}
