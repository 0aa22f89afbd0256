/** Command line program: combines the commands, one file each. */
import { Command } from "commander";
import { readVersion } from "../src/version.ts";
import { keys } from "./commands/keys.ts";
import { pullImage } from "./commands/pull-image.ts";
import { pullRaw } from "./commands/pull-raw.ts";
import { pushImage } from "./commands/push-image.ts";
import { pushIncrement } from "./commands/push-increment.ts";
import { work } from "./commands/work.ts";
import type { Io } from "./output/io.ts";

/** Creates the program. It throws CommanderError for usage errors. */
export function createProgram(io: Io): Command {
  const program = new Command("redis-streamer")
    .description(
      "Redis Streamer client: push entries to streams, pull them, measure rates and latency, run programs for entries, manage API keys.",
    )
    .version(readVersion(), "-V, --version", "show the version")
    .showHelpAfterError("(use --help for usage)");
  for (const command of [pushIncrement(io), pullRaw(io), pushImage(io), pullImage(io), work(io), keys(io)]) {
    for (const one of [command, ...command.commands]) one.copyInheritedSettings(program).exitOverride();
    program.addCommand(command);
  }
  return program.exitOverride();
}
