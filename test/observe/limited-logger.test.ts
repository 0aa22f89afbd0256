/** Repeated log lines are limited, so that no client can fill the disk. */
import { describe, expect, test, vi } from "vitest";
import { limitLines } from "../../src/observe/limited-logger.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

function limited() {
  const clock = { now: 0 };
  const lines: Line[] = [];
  const level = (name: string) => (fields: object, message: string) =>
    void lines.push({ level: name, message, fields });
  const logger = limitLines(
    { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") },
    () => clock.now,
  );
  return { logger, lines, clock };
}

describe.each(["info", "warn", "error"] as const)("%s", (level) => {
  test("writes the first 500 lines of a message, then one per second with the number of those left out", () => {
    const { logger, lines, clock } = limited();
    for (let n = 0; n < 5000; n++) logger[level]({ n }, "rejected");
    expect(lines).toHaveLength(500);
    expect(lines[499]).toEqual({ level, message: "rejected", fields: { n: 499 } });
    clock.now += 1000;
    for (let n = 0; n < 5000; n++) logger[level]({ n }, "rejected");
    expect(lines.slice(500)).toEqual([{ level, message: "rejected", fields: { n: 0, others: 4500 } }]);
    clock.now += 1e9;
    for (let n = 0; n < 5000; n++) logger[level]({ n }, "rejected");
    expect(lines).toHaveLength(1001);
    expect(lines[501]?.fields).toEqual({ n: 0, others: 4999 });
  });

  test("limits each message by itself, and each code of a message", () => {
    const { logger, lines } = limited();
    for (let n = 0; n < 5000; n++) logger[level]({ code: "FORBIDDEN" }, "rejected");
    logger[level]({ code: "TOO_LARGE" }, "rejected");
    logger[level]({}, "file changed");
    expect(lines.slice(500).map(({ message }) => message)).toEqual(["rejected", "file changed"]);
  });

  test("limits messages that are all different", () => {
    const { logger, lines } = limited();
    for (let n = 0; n < 100_000; n++) logger[level]({}, `no such key ${n}`);
    expect(lines.length).toBeLessThan(2000);
  });
});

test("reports the lines left out of a flood that has ended", () => {
  vi.useFakeTimers();
  try {
    const { logger, lines } = limited();
    for (let n = 0; n < 5000; n++) logger.warn({ code: "FORBIDDEN" }, "rejected");
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(500)).toEqual([
      { level: "warn", message: "omitted repeated lines", fields: { line: "rejected", others: 4500 } },
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test("writes every debug line, and keeps the fields of each line", () => {
  const { logger, lines } = limited();
  for (let n = 0; n < 600; n++) logger.debug({ n }, "opened");
  expect(lines.map(({ fields }) => fields)).toEqual(Array.from({ length: 600 }, (_, n) => ({ n })));
});
