/** State of the command palette: the typed text, the commands that match it, and the active one. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { IconName } from "../../design/icon.tsx";

/** Command of the palette. */
export interface Command {
  /** Unique among the commands. */
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  /** Key that does the same, such as `Space`. */
  readonly key?: string;
  /** Does it. @throws Error whose message is shown */
  run(): void | Promise<void>;
}

/** Maximum number of commands in the list. */
const MAX_LISTED = 50;

/** Command palette while it is open or closed. */
export class Palette {
  readonly text = signal("");
  readonly problem = signal("");
  /** Commands that match the text, the best ones first. */
  readonly found: ReadonlySignal<readonly Command[]>;
  /** Position of the active command in the list. */
  readonly active: ReadonlySignal<number>;
  readonly #wanted: Signal<number> = signal(0);

  constructor(commands: ReadonlySignal<readonly Command[]>) {
    this.found = computed(() => matching(commands.value, this.text.value).slice(0, MAX_LISTED));
    // The list may become shorter while it is open.
    this.active = computed(() => Math.min(this.#wanted.value, Math.max(0, this.found.value.length - 1)));
  }

  /** Changes the text. The best match becomes active. */
  type(text: string): void {
    this.text.value = text;
    this.#wanted.value = 0;
    this.problem.value = "";
  }

  /** Makes the next (1) or the previous (-1) command active, around the ends. */
  move(by: 1 | -1): void {
    const count = this.found.peek().length;
    if (count > 0) this.#wanted.value = (this.active.peek() + by + count) % count;
  }

  /** Makes the first or the last command active. */
  moveToEnd(end: "first" | "last"): void {
    this.#wanted.value = end === "first" ? 0 : Math.max(0, this.found.peek().length - 1);
  }

  /** Runs a command. @returns whether it succeeded; if not, `problem` has the message */
  async run(command: Command | undefined = this.found.peek()[this.active.peek()]): Promise<boolean> {
    if (command === undefined) return false;
    try {
      await command.run();
      return true;
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
      return false;
    }
  }
}

/** Returns the commands that have all words of the text in their title: those first that have them at the start of a word. */
export function matching(commands: readonly Command[], text: string): readonly Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return commands;
  return commands
    .map((command) => ({ command, rank: rankOf(command.title.toLowerCase(), words) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    .map(({ command }) => command);
}

/** Number of words that are not at the start of a word of the title; undefined if one is missing. */
function rankOf(title: string, words: readonly string[]): number | undefined {
  const parts = title.split(/[^\p{L}\p{N}]+/u);
  let rank = 0;
  for (const word of words) {
    if (!title.includes(word)) return undefined;
    if (!parts.some((part) => part.startsWith(word)) && !title.startsWith(word)) rank++;
  }
  return rank;
}
