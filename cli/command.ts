/**
 * Declaration of a command. The parser, `--help` and the shell completion read these rows, so that an option is declared once.
 */
import type { Io } from "./output/io.ts";

/** Kind of name that a value is, for the shell completion. */
export type ValueKind = "file" | "directory" | "stream" | "context";

/** Option of a command: its flags, help, default and parser. */
export interface OptionRow {
  /** In commander's notation: `-n, --last <entries>`, `--latest`. */
  readonly flags: string;
  readonly doc: string;
  /**
   * Parses a value.
   *
   * @param before the parsed values so far, if the option is repeated
   * @throws Error that states the allowed values
   */
  parse?(text: string, before: unknown): unknown;
  readonly fallback?: unknown;
  /** The default as `--help` shows it. */
  readonly fallbackText?: string;
  /** Environment variable with the same effect. */
  readonly env?: string;
  readonly choices?: readonly string[];
  readonly isRequired?: true;
  /** Not listed by `--help`. */
  readonly isHidden?: true;
  readonly kind?: ValueKind;
  /** Names of the gateway's parameters for it, if they differ from the flag. */
  readonly parameters?: readonly string[];
}

/** Positional argument of a command. */
export interface ArgumentRow {
  /** In commander's notation: `<stream>`, `[file...]`. */
  readonly name: string;
  readonly doc: string;
  readonly kind?: ValueKind;
}

/** Heading of the overview under which a command is listed. */
export type CommandGroup = "Gateway" | "Streams" | "Recordings" | "Samples" | "Shell";

/** Command: its help, arguments, options and action. */
export interface CommandRow {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: CommandGroup;
  /** One line in the overview. */
  readonly summary: string;
  /** Name and arguments in the overview, if its row would be too long. */
  readonly usage?: string;
  /** Text below the usage, if the summary is not enough. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentRow[];
  readonly options?: readonly OptionRow[];
  readonly commands?: readonly CommandRow[];
  /** Lines of examples. */
  readonly examples?: readonly string[];
  /** Whether it works without a gateway, so that the connection options do not apply. */
  readonly isLocal?: true;
  /** Whether a local command reads the connection options itself, so that its help lists them. */
  readonly readsConnection?: true;
  /** Runs the command. @param args values of `arguments`, in order @param flags values of all options, in camel case */
  run?(io: Io, args: readonly unknown[], flags: unknown): Promise<void> | void;
}
