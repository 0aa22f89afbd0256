/** Text of `--help`: the overview of all commands on one screen, and the examples of one command. */
import type { CommandGroup, CommandRow, OptionRow } from "./command.ts";

/** Width of the column of names. */
const NAME_WIDTH = 35;

/** Groups in the order of the reference. The overview has the samples on one line, after them. */
const GROUPS: readonly CommandGroup[] = ["Gateway", "Streams", "Recordings", "Shell", "Samples"];

/** Returns the groups that have commands, in the order of the reference. */
export const groupsOf = (
  commands: readonly CommandRow[],
): readonly (readonly [CommandGroup, readonly CommandRow[]])[] =>
  GROUPS.map((group) => [group, commands.filter((one) => one.group === group)] as const).filter(
    ([, rows]) => rows.length > 0,
  );

/** Returns the overview. */
export function overview(commands: readonly CommandRow[], options: readonly OptionRow[]): string {
  const samples = commands.filter(({ group }) => group === "Samples").map(({ name }) => name);
  return [
    "Usage: redis-streamer <command> [options]",
    ...groupsOf(commands)
      .filter(([group]) => group !== "Samples")
      .map(([group, rows]) =>
        section(
          group,
          rows.map((row) => [usageOf(row), row.summary]),
        ),
      ),
    `Samples: ${samples.join(", ")}`,
    section("Options of every command", [
      ...options.map(({ flags, doc, env }): [string, string] => [
        flags,
        env === undefined ? doc : `${doc}; ${env}`,
      ]),
      ["-V, --version", "show the version"],
      ["-h, --help", "show this overview, or the help of a command"],
    ]),
    "Exit codes: 0 done or stopped by Ctrl-C, 1 failed, 2 usage error, 3 timeout.\n",
  ].join("\n\n");
}

const section = (title: string, rows: readonly (readonly [string, string])[]): string =>
  [`${title}:`, ...rows.map(([name, doc]) => `  ${name.padEnd(NAME_WIDTH)} ${doc}`)].join("\n");

function usageOf({ name, usage, arguments: args = [], commands = [] }: CommandRow): string {
  if (usage !== undefined) return usage;
  const rest =
    commands.length > 0 ? [commands.map((one) => one.name).join("|")] : args.map((one) => one.name);
  return [name, ...rest].join(" ");
}

/** Returns the examples of a command. */
export const commandNotes = ({ examples = [] }: CommandRow): string =>
  examples.length === 0 ? "" : `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`;
