/**
 * Terms of the user in errors of the gateway. The gateway names its own parameters, such as `maxSeconds`, but the user has
 * typed flags and arguments, such as `--duration`.
 */
import { StreamerError } from "../client/index.ts";
import type { ArgumentRow, CommandRow, OptionRow } from "./command.ts";
import { usageError } from "./exit-codes.ts";

/** Parameters of a stream, by the routes that a command uses. */
const STREAM_PARAMETERS = ["stream_id", "streams"];

/** Returns the names of the parameters in which the gateway receives a flag: `--ack-wait` as `ack_wait` or `ackWait`. */
function parametersOf({ flags, parameters = [] }: OptionRow): readonly string[] {
  const words = longFlag(flags).slice(2).split("-");
  const camel = words.map((word, i) => (i === 0 ? word : `${word.charAt(0).toUpperCase()}${word.slice(1)}`));
  return [...parameters, words.join("_"), camel.join("")];
}

/** Returns the long form of a flag: `-n, --last <entries>` is `--last`. */
const longFlag = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? flags;

const shownArgument = ({ name }: ArgumentRow): string => name.replace(/\.\.\./, "");

/** Returns the name of an argument: `[patterns...]` is `patterns`. */
const bareName = ({ name }: ArgumentRow): string => name.replace(/\W/g, "");

/** Returns the flag or the argument of a command that the gateway receives as a parameter; undefined if none is. */
function termOf(parameter: string, { options = [], arguments: args = [] }: CommandRow): string | undefined {
  const option = options.find((one) => parametersOf(one).includes(parameter));
  if (option !== undefined) return longFlag(option.flags);
  const argument = args.find((one) =>
    one.kind === "stream" ? STREAM_PARAMETERS.includes(parameter) : bareName(one) === parameter,
  );
  return argument === undefined ? undefined : shownArgument(argument);
}

/** Returns an error that names what the user typed; the same one if it names nothing else. */
export function inUserTerms(error: unknown, row: CommandRow): unknown {
  if (!(error instanceof StreamerError) || error.code !== "BAD_PARAMETER") return error;
  const [parameter = ""] = /^\w+/.exec(error.message) ?? [];
  const term = termOf(parameter, row);
  return term === undefined ? error : usageError(`${term}${error.message.slice(parameter.length)}`);
}
