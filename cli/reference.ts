/** Reference of all commands in Markdown, for docs/command-line.md. */
import type { CommandRow, OptionRow } from "./command.ts";
import { groupsOf } from "./help.ts";

/** Returns a section per group, with the arguments and options of each command. */
export function commandReference(commands: readonly CommandRow[], shared: readonly OptionRow[]): string {
  const sections = groupsOf(commands).map(([group, rows]) =>
    [`## ${group}`, ...rows.map((row) => commandText(row, []))].join("\n\n"),
  );
  return [`## Options of every command\n\n${optionTable(shared)}`, ...sections].join("\n\n");
}

function commandText(row: CommandRow, parents: readonly string[]): string {
  const names = [...parents, row.name];
  const { arguments: args = [], options = [], commands = [], examples = [] } = row;
  const usage = ["redis-streamer", ...names, ...args.map(({ name }) => name)].join(" ");
  const visible = options.filter(({ isHidden }) => !isHidden);
  const parts = [
    `###${parents.length > 0 ? "#" : ""} ${names.join(" ")}`,
    ...(commands.length > 0 ? [] : [`\`${usage}\``]),
    `${sentence(row.details ?? row.summary)}${row.isLocal && commands.length === 0 ? " It needs no gateway." : ""}`,
    ...(args.length > 0
      ? [
          table(
            ["argument", "meaning"],
            args.map(({ name, doc }) => [`\`${name}\``, doc]),
          ),
        ]
      : []),
    ...(visible.length > 0 ? [optionTable(visible)] : []),
    ...(examples.length > 0 ? [`\`\`\`sh\n${examples.join("\n")}\n\`\`\``] : []),
    ...commands.map((one) => commandText(one, names)),
  ];
  return parts.join("\n\n");
}

function optionTable(options: readonly OptionRow[]): string {
  const rows = options.map(({ flags, doc, fallback, fallbackText, env, choices, isRequired }) => {
    const notes = [
      ...(choices === undefined ? [] : [choices.map((one) => `\`${one}\``).join(", ")]),
      ...(isRequired ? ["required"] : []),
      ...(fallback === undefined ? [] : [`default \`${fallbackText ?? String(fallback)}\``]),
      ...(env === undefined ? [] : [`variable \`${env}\``]),
    ];
    return [`\`${flags}\``, notes.length === 0 ? doc : `${doc} (${notes.join("; ")})`];
  });
  return table(["option", "meaning"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Escapes characters that would end a cell or, outside of code, start emphasis. */
const escaped = (cell: string): string =>
  cell
    .split(/(`[^`]*`)/)
    .map((part) => part.replace(part.startsWith("`") ? /\|/g : /[|*]/g, "\\$&"))
    .join("");

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
