/**
 * What a command shows. Entries go to standard output, so that they can be piped on; progress, notices and errors go to
 * standard error. On a terminal the progress line is rewritten in place, elsewhere it comes now and then.
 */

/** The part of a process' output streams that is used. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
  once(event: "drain" | "close" | "error", listener: () => void): unknown;
  removeListener(event: "drain" | "close" | "error", listener: () => void): unknown;
}

/** Where a command writes. */
export interface Terminal {
  /** Writes a line of data. A promise comes back where the reader of the output is slower: await it. */
  print(line: string): Promise<void> | undefined;
  /** Writes a line to standard error. */
  note(line: string): void;
  /** Shows what is done so far, again and again. @returns stops it */
  showProgress(describe: () => string): () => void;
  /** Writes nothing more to standard error. */
  mute(): void;
}

/** Time between rewrites of the line on a terminal, ms. */
const REWRITE_MS = 200;
/** Time between lines elsewhere, ms. */
const LINE_MS = 5_000;
/** Carriage return, and erase to the end of the line (ECMA-48, EL). */
const ERASE = "\r\u001b[K";

/** Makes a terminal of a process' two outputs. */
export function createTerminal(stdout: Output, stderr: Output): Terminal {
  const inPlace = stderr.isTTY === true;
  let shown = false;
  let muted = false;

  const tell = (text: string) => {
    if (!muted) stderr.write(text);
  };
  const erase = () => {
    if (shown) tell(ERASE);
    shown = false;
  };
  return {
    print(line) {
      if (stdout.isTTY === true) erase();
      return stdout.write(`${line}\n`) ? undefined : drained(stdout);
    },
    note(line) {
      erase();
      tell(`${line}\n`);
    },
    showProgress(describe) {
      const show = () => {
        if (!inPlace) {
          tell(`${describe()}\n`);
          return;
        }
        // A line longer than the terminal would wrap, and a wrapped line cannot be rewritten.
        tell(`${ERASE}${describe().slice(0, (stderr.columns ?? 80) - 1)}`);
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

/** Resolves when more can be written, or when nobody reads any more. */
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
