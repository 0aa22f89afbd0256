/** Output of a command: colours, redrawing and progress on terminals and elsewhere. */
import { describe, expect, test } from "vitest";
import { createTerminal, type Output, type TerminalEnvironment } from "../../../cli/output/terminal.ts";

const BOLD = "\u001b[1m";
const NORMAL = "\u001b[22m";
const ERASE_BELOW = "\u001b[J";

/** Output that collects the written text. */
class Collected implements Output {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;

  constructor(isTTY: boolean, columns = 0, rows = 0) {
    this.isTTY = isTTY;
    this.columns = columns;
    this.rows = rows;
  }

  write(data: string | Uint8Array): boolean {
    this.text += String(data);
    return true;
  }

  once(): void {}

  removeListener(): void {}
}

function terminalOf(stdout: Collected, env: TerminalEnvironment = {}, stderr = new Collected(false)) {
  return { terminal: createTerminal(stdout, stderr, env), stdout, stderr };
}

describe("colours", () => {
  test.each([
    ["a terminal", true, {}, `${BOLD}head${NORMAL}`],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, "head"],
    ["a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, `${BOLD}head${NORMAL}`],
    ["a dumb terminal", true, { TERM: "dumb" }, "head"],
    ["a pipe", false, {}, "head"],
  ])("%s", (_name, isTTY, env, expected) => {
    expect(terminalOf(new Collected(isTTY), env).terminal.bold("head")).toBe(expected);
  });
});

describe("redraw", () => {
  test("replaces what was drawn, cut to the size of the terminal", () => {
    const { terminal, stdout } = terminalOf(new Collected(true, 4, 4), { NO_COLOR: "1" });
    terminal.redraw("head", ["first line", "2", "3", "4"]);
    expect(stdout.text).toBe(`\r${ERASE_BELOW}hea\nfir\n2\n`);
    stdout.text = "";
    terminal.redraw("head", ["1"]);
    expect(stdout.text).toBe(`\r\u001b[3A${ERASE_BELOW}hea\n1\n`);
  });

  test("keeps what was drawn above a notice", () => {
    const { terminal, stdout, stderr } = terminalOf(new Collected(true, 80, 24), { NO_COLOR: "1" });
    terminal.redraw("head", []);
    terminal.note("lost");
    stdout.text = "";
    terminal.redraw("head", []);
    expect([stdout.text, stderr.text]).toEqual([`\r${ERASE_BELOW}head\n`, "lost\n"]);
  });

  test("writes whole tables elsewhere, and on a terminal of unknown size lines of 79 characters", () => {
    const { terminal, stdout } = terminalOf(new Collected(false));
    terminal.redraw("head", ["x".repeat(200)]);
    expect(stdout.text).toBe(`head\n${"x".repeat(200)}\n\n`);
    const unknown = terminalOf(new Collected(true), { NO_COLOR: "1" });
    unknown.terminal.redraw("head", ["x".repeat(200)]);
    expect(unknown.stdout.text).toBe(`\r${ERASE_BELOW}head\n${"x".repeat(79)}\n`);
  });
});

test("quiet leaves only errors and data", () => {
  const { terminal, stdout, stderr } = terminalOf(new Collected(false));
  terminal.quiet();
  terminal.note("notice");
  terminal.showProgress(() => "progress")();
  terminal.fail("error");
  terminal.print("data");
  expect([stdout.text, stderr.text]).toEqual(["data\n", "error\n"]);
});
