/**
 * Output of a command. Entries are written to standard output, so that they can be piped. Progress, notices and errors are
 * written to standard error. On a terminal the progress line is rewritten in place; elsewhere a line is printed now and then.
 */

/** The members of a process's output streams that are used. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(data: string | Uint8Array): boolean;
  once(event: "drain" | "close" | "error", listener: () => void): unknown;
  removeListener(event: "drain" | "close" | "error", listener: () => void): unknown;
}

/** Output of a command. */
export interface Terminal {
  /** Writes a line of data. @returns a promise to await if the reader of the output is slower */
  print(line: string): Promise<void> | undefined;
  /** Writes bytes of data as they are. @returns a promise to await if the reader of the output is slower */
  write(data: Uint8Array): Promise<void> | undefined;
  /** Writes a table; on a terminal in place of the one written before. */
  redraw(head: string, lines: readonly string[]): void;
  /** Writes a line to standard error. */
  note(line: string): void;
  /** Writes an error to standard error, also with `quiet`. */
  fail(line: string): void;
  /** Displays the progress repeatedly. @returns a function that stops it */
  showProgress(describe: () => string): () => void;
  /** Makes a text bold, if the output is a terminal with colours. */
  bold(text: string): string;
  /** Whether people see the output and the notices. */
  readonly isInteractive: boolean;
  /** Stops the progress and the notices. */
  quiet(): void;
  /** Stops writing to standard error. */
  mute(): void;
}

/** Interval of the progress line on a terminal, ms. */
const REWRITE_MS = 200;
/** Interval of the progress line elsewhere, ms. */
const LINE_MS = 5_000;
/** Carriage return, and erase to the end of the line (ECMA-48, EL). */
const ERASE = "\r\u001b[K";
/** Erase to the end of the screen (ECMA-48, ED). */
const ERASE_BELOW = "\u001b[J";

/** Environment variables that disable colours (https://no-color.org). */
export interface TerminalEnvironment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/** Creates the output of a command from a process's two streams. */
export function createTerminal(stdout: Output, stderr: Output, env: TerminalEnvironment = {}): Terminal {
  const isDumb = env.TERM === "dumb";
  const inPlace = stderr.isTTY === true && !isDumb;
  const drawsInPlace = stdout.isTTY === true && !isDumb;
  const hasColours = drawsInPlace && !env.NO_COLOR;
  let shown = false;
  let muted = false;
  let isQuiet = false;
  let drawnLines = 0;

  const writeError = (text: string) => {
    if (!muted) stderr.write(text);
  };
  const erase = () => {
    if (shown) writeError(ERASE);
    shown = false;
  };
  const bold = (text: string) => (hasColours ? `\u001b[1m${text}\u001b[22m` : text);
  return {
    print(line) {
      if (stdout.isTTY === true) erase();
      return stdout.write(`${line}\n`) ? undefined : drained(stdout);
    },
    write(data) {
      if (stdout.isTTY === true) erase();
      return stdout.write(data) ? undefined : drained(stdout);
    },
    redraw(head, lines) {
      erase();
      if (!drawsInPlace) {
        stdout.write(`${[head, ...lines].join("\n")}\n\n`);
        return;
      }
      // A line that wraps, or that scrolled out at the top, cannot be replaced. A terminal may report a size of 0.
      const columns = (stdout.columns || 80) - 1;
      const drawn = lines.slice(0, (stdout.rows || 24) - 2).map((line) => line.slice(0, columns));
      const up = drawnLines === 0 ? "" : `\u001b[${drawnLines}A`;
      const all = [bold(head.slice(0, columns)), ...drawn];
      stdout.write(`\r${up}${ERASE_BELOW}${all.map((line) => `${line}\n`).join("")}`);
      drawnLines = all.length;
    },
    note(line) {
      if (isQuiet) return;
      erase();
      // The line is printed below the table, which stays.
      drawnLines = 0;
      writeError(`${line}\n`);
    },
    fail(line) {
      erase();
      writeError(`${line}\n`);
    },
    bold,
    isInteractive: inPlace && stdout.isTTY === true,
    quiet() {
      isQuiet = true;
    },
    showProgress(describe) {
      if (isQuiet) return () => undefined;
      const show = () => {
        if (!inPlace) {
          writeError(`${describe()}\n`);
          return;
        }
        // The line is cut to the width of the terminal, because a wrapped line cannot be rewritten.
        writeError(`${ERASE}${describe().slice(0, (stderr.columns || 80) - 1)}`);
        shown = true;
      };
      const timer = setInterval(show, inPlace ? REWRITE_MS : LINE_MS);
      return () => {
        clearInterval(timer);
        erase();
      };
    },
    mute() {
      muted = true;
    },
  };
}

/** Resolves when the output accepts more data, or its reader exits. */
function drained(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const events = ["drain", "close", "error"] as const;
    const done = () => {
      for (const event of events) output.removeListener(event, done);
      resolve();
    };
    for (const event of events) output.once(event, done);
  });
}
