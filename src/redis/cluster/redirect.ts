/**
 * Redirections: replies of a cluster node that did not run a command, because a slot has moved or is being moved. This file
 * parses them, and `key-queue.ts` sends the command again, elsewhere or later.
 */
import type { ReplyError } from "../resp/reader.ts";

/** Target of a redirection, or a retry. `to` is an address, `host:port`. */
export type Redirection =
  /** Another node owns the slot. */
  | { readonly kind: "moved"; readonly to: string }
  /** This one command must be sent to the importing node (Redis: `ASKING`). */
  | { readonly kind: "ask"; readonly to: string }
  | { readonly kind: "later" };

/** Parses an error reply; undefined if it is not a redirection. */
export function redirectionOf({ code, message }: ReplyError): Redirection | undefined {
  switch (code) {
    // "MOVED 3999 127.0.0.1:6381"
    case "MOVED":
      return { kind: "moved", to: message.split(" ")[2] ?? "" };
    case "ASK":
      return { kind: "ask", to: message.split(" ")[2] ?? "" };
    case "TRYAGAIN":
    case "CLUSTERDOWN":
    case "LOADING":
    case "MASTERDOWN":
      return { kind: "later" };
    default:
      return undefined;
  }
}
