/** `push-increment`: pushes the integers from 0 to a stream, as JSON. */
import type { CommandRow } from "../command.ts";
import { pushLoop } from "../loops/push-loop.ts";
import { PUSH_ARGUMENTS, type PushFlags, pushOptions } from "../loops/push-options.ts";

/** Default entries per second: a person can read them, and an unattended command does not fill Redis. */
const DEFAULT_FPS = 10;

/** The command. */
export const pushIncrement: CommandRow = {
  name: "push-increment",
  aliases: ["push_increment"],
  group: "Samples",
  summary: "push the integers 0, 1, 2, … as JSON",
  arguments: PUSH_ARGUMENTS,
  options: pushOptions(DEFAULT_FPS),
  run: (io, [stream]: [string], flags: PushFlags) =>
    pushLoop(io, stream, flags, (n) => ({ data: JSON.stringify(n) })),
};
