/** What a node of a cluster refuses a command with that it has not carried out, and that may be done elsewhere or later. */
import type { ReplyError } from "../resp/reader.ts";

/** Where to, or when. `to` is an address, `host:port`. */
export type Redirection =
  /** The slot is another node's. */
  | { readonly kind: "moved"; readonly to: string }
  /** This one command is for the node that takes the slot over (Redis: `ASKING`). */
  | { readonly kind: "ask"; readonly to: string }
  | { readonly kind: "later" };

/** Reads an error; undefined where it is no redirection. */
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
