/** The key of a command, of those that are sent here: Redis knows of each command where its keys are, a cluster's client has to. */
import type { Argument } from "../resp/writer.ts";

/** The key that decides where a command goes; what has none goes where the empty key would. */
export function keyOf(args: readonly Argument[]): string {
  const [command] = args;
  switch (command) {
    case "INFO":
    case "PING":
      return "";
    case "EVAL":
      return textOf(args[3]);
    case "XINFO":
      return textOf(args[2]);
    case "XREAD":
      return textOf(args[args.indexOf("STREAMS") + 1]);
    default:
      return textOf(args[1]);
  }
}

function textOf(argument: Argument | undefined): string {
  return typeof argument === "object" ? Buffer.from(argument).toString() : String(argument ?? "");
}
