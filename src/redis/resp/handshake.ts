/** The first words with a server: who comes in, in which protocol, to which database, and whether the server is of use. */
import type { RedisAddress } from "../redis-url.ts";
import type { Done } from "./connection.ts";
import { ReplyError } from "./reader.ts";
import type { Argument } from "./writer.ts";

/** How it went: the protocol that both speak, or why nothing comes of it, in Redis' words. */
export type Greeted = { readonly protocol: 2 | 3 } | { readonly problem: string };

/** What a server is greeted with. */
export interface Greeting {
  readonly address: RedisAddress;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** One that is a replica is of no use. */
  readonly wantsMaster: boolean;
}

/** Of a server that is a replica, where a master is wanted. */
export const NO_MASTER = "it is no master";

/** HELLO, or AUTH where the server is too old for it; then the database, the name, and what state it is in. */
export function greet(
  { address: { username, password, database }, name, wantsMaster }: Greeting,
  send: (args: readonly Argument[], done: Done) => void,
  done: (greeted: Greeted) => void,
): void {
  let protocol: 2 | 3 = 3;
  const auth = password === undefined ? [] : ["AUTH", username ?? "default", password];
  const steps: (readonly Argument[])[] = [];
  if (database !== 0) steps.push(["SELECT", database]);
  steps.push(["CLIENT", "SETNAME", `redis-streamer:${name}`]);
  // A server that still loads its data greets, but does nothing else: it counts as away until it answers this.
  steps.push(["PING"]);
  // What a source led to may be a master no more, and what it has may be out of date.
  if (wantsMaster) steps.push(["ROLE"]);
  const next = (): void => {
    const step = steps.shift();
    if (step === undefined) {
      done({ protocol });
      return;
    }
    send(step, (error, reply) => {
      // One that cannot write to its disk says so to a PING, and can be read from.
      const isHarmless = step[0] === "CLIENT" || (error instanceof ReplyError && error.code === "MISCONF");
      if (error && !isHarmless) done({ problem: error.message });
      else if (step[0] === "ROLE" && !(Array.isArray(reply) && String(reply[0]) === "master"))
        done({ problem: NO_MASTER });
      else next();
    });
  };
  send(["HELLO", 3, ...auth], (error) => {
    protocol = error === undefined ? 3 : 2;
    const isOld = error !== undefined && /unknown command|NOPROTO/i.test(error.message);
    if (error !== undefined && !isOld) done({ problem: error.message });
    else if (error === undefined || password === undefined) next();
    else
      send(["AUTH", ...(username === undefined ? [] : [username]), password], (refused) =>
        refused === undefined ? next() : done({ problem: refused.message }),
      );
  });
}
