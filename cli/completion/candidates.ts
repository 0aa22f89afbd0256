/** Completes the last word of a command line from the rows of the commands. */
import type { CommandRow, OptionRow, ValueKind } from "../command.ts";
import { GLOBAL } from "../options.ts";

/** Looks up names that are not in the table. */
export type NameSource = (
  kind: Exclude<ValueKind, "file" | "directory">,
  /** Values of the options before the word, by their long flag. */
  options: ReadonlyMap<string, string>,
) => Promise<readonly string[]>;

/** Possible values of a word. */
interface Expected {
  readonly choices?: readonly string[];
  readonly kind?: ValueKind | undefined;
}

/**
 * Returns the candidates for the last word, or `:files` or `:directories`.
 *
 * @param words all words after the name of the program; the last one may be empty
 */
export async function candidates(
  commands: readonly CommandRow[],
  words: readonly string[],
  namesOf: NameSource,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? "";
  const line = new Line(commands);
  for (const word of words.slice(0, -1)) line.add(word);
  const { choices = [], kind } = line.expected(current);
  if (kind === "file") return [":files"];
  if (kind === "directory") return [":directories"];
  const names = kind === undefined ? choices : await namesOf(kind, line.options);
  // A control character would reach the terminal, and a line break is a candidate of its own.
  return [...new Set(names)].filter((name) => name.startsWith(current) && !/\p{Cc}/u.test(name)).sort();
}

/** The words of a command line so far. */
class Line {
  #commands: readonly CommandRow[];
  #command: CommandRow | undefined;
  #positions = 0;
  #hasDashes = false;
  /** Option whose value is the next word. */
  #open: OptionRow | undefined;
  readonly options = new Map<string, string>();

  constructor(commands: readonly CommandRow[]) {
    this.#commands = commands;
  }

  add(word: string): void {
    if (this.#open !== undefined) {
      this.options.set(longFlag(this.#open), word);
      this.#open = undefined;
    } else if (this.#hasDashes) this.#positions++;
    else if (word === "--") this.#hasDashes = true;
    else if (word.startsWith("-") && word !== "-") this.#open = this.#optionOf(word);
    else {
      const next = this.#commands.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
      if (next === undefined) this.#positions++;
      else {
        this.#command = next;
        this.#commands = next.commands ?? [];
      }
    }
  }

  expected(current: string): Expected {
    if (this.#open !== undefined) return this.#open;
    if (current.startsWith("-") && !this.#hasDashes)
      return {
        choices: [
          "--help",
          ...this.#known()
            .filter(({ isHidden }) => !isHidden)
            .map(longFlag),
        ],
      };
    if (this.#commands.length > 0) return { choices: this.#commands.map(({ name }) => name) };
    const { arguments: args = [] } = this.#command ?? {};
    const last = args.at(-1);
    return args[this.#positions] ?? (last?.name.includes("...") ? last : {});
  }

  #known(): readonly OptionRow[] {
    return [...(this.#command?.options ?? []), ...GLOBAL];
  }

  /** Returns the option of a flag, if its value is the next word. */
  #optionOf(word: string): OptionRow | undefined {
    return this.#known().find(({ flags }) => /[<[]/.test(flags) && flags.split(/[ ,]+/).includes(word));
  }
}

const longFlag = ({ flags }: OptionRow): string => /--[\w-]+/.exec(flags)?.[0] ?? flags;
