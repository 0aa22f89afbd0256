/** The command line: one file per command, put together here. */
import { Command } from "commander";
import { keys } from "./commands/keys.ts";
import { pullImage } from "./commands/pull-image.ts";
import { pullRaw } from "./commands/pull-raw.ts";
import { pushImage } from "./commands/push-image.ts";
import { pushIncrement } from "./commands/push-increment.ts";
import type { Io } from "./io.ts";

/** Makes the program. Usage errors come as CommanderError. */
export function createProgram(io: Io): Command {
  const program = new Command("redis-streamer")
    .description("Sample client of Redis Streamer: push to a stream, pull from it, see how fast it goes.")
    .showHelpAfterError("(--help shows how it is used)");
  for (const command of [pushIncrement(io), pullRaw(io), pushImage(io), pullImage(io), keys(io)]) {
    for (const one of [command, ...command.commands]) one.copyInheritedSettings(program).exitOverride();
    program.addCommand(command);
  }
  return program.exitOverride();
}
