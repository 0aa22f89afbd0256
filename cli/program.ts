/** Command line program: creates commander's commands from the rows of all commands. */
import { Argument, Command, Help, InvalidArgumentError, Option } from "commander";
import { readVersion } from "../src/version.ts";
import type { CommandRow, OptionRow } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { explained, selectConnection } from "./connection.ts";
import { commandNotes, overview } from "./help.ts";
import { type GivenFlags, GLOBAL } from "./options.ts";
import { errorText } from "./output/error-text.ts";
import type { Io } from "./output/io.ts";
import { inUserTerms } from "./user-terms.ts";

/** Creates the program. It throws CommanderError for usage errors. */
export function createProgram(io: Io): Command {
  const program = new Command("redis-streamer")
    .version(readVersion(), "-V, --version", "show the version")
    .helpOption("-h, --help", "show the help of a command")
    .helpCommand(false)
    .showHelpAfterError("(use --help for usage)");
  for (const row of GLOBAL) program.addOption(optionOf(row));
  program.configureHelp({
    showGlobalOptions: true,
    formatHelp: (command, help) =>
      command === program ? overview(COMMANDS, GLOBAL) : Help.prototype.formatHelp.call(help, command, help),
  });
  for (const row of COMMANDS) program.addCommand(commandOf(row, io, program));
  return program.exitOverride();
}

function commandOf(row: CommandRow, io: Io, program: Command): Command {
  const command = new Command(row.name)
    .copyInheritedSettings(program)
    .helpCommand(false)
    .aliases(row.aliases ?? [])
    .description(row.details ?? row.summary)
    .summary(row.summary)
    .exitOverride();
  for (const { name, doc } of row.arguments ?? []) command.addArgument(new Argument(name, doc));
  for (const option of row.options ?? []) command.addOption(optionOf(option));
  for (const sub of row.commands ?? []) command.addCommand(commandOf(sub, io, program));
  if (row.isLocal && !row.readsConnection)
    command.configureHelp({ ...command.configureHelp(), showGlobalOptions: false });
  const notes = commandNotes(row);
  if (notes !== "") command.addHelpText("after", notes);
  const { run } = row;
  if (run !== undefined) {
    command.action(async (...received: unknown[]) => {
      const given: GivenFlags = command.optsWithGlobals();
      const args = received.slice(0, row.arguments?.length ?? 0);
      if (given.quiet === true) io.terminal.quiet();
      if (row.isLocal) {
        await run.call(row, io, args, given);
        return;
      }
      const isFlag = (name: keyof GivenFlags) => program.getOptionValueSource(name) === "cli";
      const connection = selectConnection(given, isFlag, io.env);
      try {
        await run.call(row, io, args, { ...given, ...connection });
      } catch (error) {
        throw explained(inUserTerms(error, row), connection);
      }
    });
  }
  return command;
}

function optionOf(row: OptionRow): Option {
  const option = new Option(row.flags, row.doc);
  if (row.fallback !== undefined) option.default(row.fallback, row.fallbackText);
  if (row.env !== undefined) option.env(row.env);
  if (row.isRequired) option.makeOptionMandatory();
  if (row.isHidden) option.hideHelp();
  if (row.choices !== undefined) option.choices(row.choices);
  const { parse } = row;
  if (parse !== undefined)
    option.argParser((text: string, before: unknown) => {
      try {
        return parse.call(row, text, before);
      } catch (error) {
        throw new InvalidArgumentError(errorText(error));
      }
    });
  return option;
}
