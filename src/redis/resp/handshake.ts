/** Handshake of a connection: authentication, protocol version, database, and a check of the server's state. */
import type { RedisAddress } from "../address/redis-url.ts";
import type { Done } from "./command-result.ts";
import { ReplyError } from "./reader.ts";
import type { Argument } from "./writer.ts";

/** Result of a handshake: the agreed protocol, or the reason of its failure, as Redis reports it. */
export type HandshakeResult = { readonly protocol: 2 | 3 } | { readonly problem: string };

/** Options of a handshake. */
export interface HandshakeOptions {
  readonly address: RedisAddress;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** Rejects a replica. */
  readonly requiresMaster: boolean;
}

/** Reason for leaving a replica when a master is required. */
export const NOT_A_MASTER = "it is not a master";

/** Sends HELLO (AUTH to servers before Redis 6), then selects the database, sets the name and checks the state. */
export function shakeHands(
  { address: { username, password, database }, name, requiresMaster }: HandshakeOptions,
  send: (args: readonly Argument[], done: Done) => void,
  done: (result: HandshakeResult) => void,
): void {
  let protocol: 2 | 3 = 3;
  const auth = password === undefined ? [] : ["AUTH", username ?? "default", password];
  const steps: (readonly Argument[])[] = [];
  if (database !== 0) steps.push(["SELECT", database]);
  steps.push(["CLIENT", "SETNAME", `redis-streamer:${name}`]);
  // A server that is loading its data accepts HELLO but rejects PING; it counts as unavailable until PING succeeds.
  steps.push(["PING"]);
  // A source may return a former master, whose data may be stale.
  if (requiresMaster) steps.push(["ROLE"]);
  const next = (): void => {
    const step = steps.shift();
    if (step === undefined) {
      done({ protocol });
      return;
    }
    send(step, (error, reply) => {
      // A server that cannot write to its disk rejects PING with MISCONF, but still serves reads. A lost connection is
      // never harmless: the next command would take the first reply of the following connection.
      const isHarmless = error instanceof ReplyError && (step[0] === "CLIENT" || error.code === "MISCONF");
      if (error && !isHarmless) done({ problem: error.message });
      else if (step[0] === "ROLE" && !(Array.isArray(reply) && String(reply[0]) === "master"))
        done({ problem: NOT_A_MASTER });
      else next();
    });
  };
  send(["HELLO", 3, ...auth], (error) => {
    protocol = error === undefined ? 3 : 2;
    const isOld = error !== undefined && /unknown command|NOPROTO/i.test(error.message);
    if (error !== undefined && !isOld) done({ problem: error.message });
    else if (error === undefined || password === undefined) next();
    else
      send(["AUTH", ...(username === undefined ? [] : [username]), password], (error) =>
        error === undefined ? next() : done({ problem: error.message }),
      );
  });
}
