/** Extracts the routing key of the commands that this gateway sends. */
import type { Argument } from "./writer.ts";

/** Returns the key that routes a command; a command without a key is routed like the empty key. */
export function keyOf(args: readonly Argument[]): string {
  const [command] = args;
  switch (command) {
    case "INFO":
    case "PING":
      return "";
    case "EVAL":
      return textOf(args[3]);
    case "XGROUP":
    case "XINFO":
      return textOf(args[2]);
    case "XREAD":
    case "XREADGROUP":
      return textOf(args[args.indexOf("STREAMS") + 1]);
    default:
      return textOf(args[1]);
  }
}

function textOf(argument: Argument | undefined): string {
  return typeof argument === "object" ? Buffer.from(argument).toString() : String(argument ?? "");
}
