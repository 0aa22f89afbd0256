import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { Parameter } from "../../../src/transports/request/parameters/parameter-types.ts";
import { parseQuery, readParameters } from "../../../src/transports/request/query.ts";
import { anyString } from "../../support/data/any-string.ts";
import { rejectionOf } from "../../support/rejection.ts";

const LIMITS = { maxBatchEntries: 1000 };

/** Parses one parameter named `name`. */
const read = <T>(search: string, name: string, row: Omit<Parameter<T>, "doc">): T | undefined =>
  parseQuery({ [name]: { ...row, doc: "" } }, search, LIMITS)[name];

const flag = (search: string, fallback: boolean, name = "ack") =>
  read<boolean>(search, name, { type: "flag", fallback });
const text = (search: string, fallback = "default") =>
  read<string>(search, "name", { type: "text", fallback });
const integer = (search: string, name: string, fallback: number, min: number, max: number) =>
  read<number>(search, name, { type: "integer", fallback, min, max });
const number = (search: string, name: string, fallback: number, min: number, max: number) =>
  read<number>(search, name, { type: "number", fallback, min, max });
const choice = (search: string, name: string, choices: readonly string[]) =>
  read<string | undefined>(search, name, { type: "choice", fallback: choices[0], choices });

describe("“`1/0`, `true/false`, `yes/no`, `on/off`, `t/f`, `y/n` in any case (Python's `requests` sends `True`)”", () => {
  test.each(["1", "true", "True", "TRUE", "yes", "Yes", "on", "ON", "t", "T", "y", "Y"])("%s", (value) => {
    expect(flag(`?ack=${value}`, false)).toBe(true);
    expect(flag(`?ack=${value}`, true)).toBe(true);
  });

  test.each(["0", "false", "False", "FALSE", "no", "NO", "off", "Off", "f", "F", "n", "N"])("%s", (value) => {
    expect(flag(`?ack=${value}`, false)).toBe(false);
    expect(flag(`?ack=${value}`, true)).toBe(false);
  });

  // cspell:ignore truee yess
  test.each(["2", "01", "10", "-1", "tru", "truee", "yess", "oui", "1 ", "%201", "null", "None", "1%0A"])(
    "not %j",
    (value) => {
      expect(rejectionOf(() => flag(`?ack=${value}`, false))).toMatch(
        /^BAD_PARAMETER: ack must be 1 or 0, got ".+"$/,
      );
    },
  );
});

describe("a parameter that is absent or empty has its default", () => {
  test.each(["", "?", "?other=1", "?name=", "name=", "?name=5&name=", "?name&name="])("%j", (search) => {
    expect(text(search)).toBe("default");
    expect(flag(search, true, "name")).toBe(true);
    expect(flag(search, false, "name")).toBe(false);
    expect(integer(search, "name", 7, 0, 9)).toBe(7);
    expect(number(search, "name", 0.5, 0, 9)).toBe(0.5);
    expect(choice(search, "name", ["a", "b"])).toBe("a");
  });
});

test.each(["?latest", "latest", "?latest&count=1", "?count=1&latest", "?latest=0&latest"])(
  "a bare flag is true: %s",
  (search) => {
    expect(flag(search, false, "latest")).toBe(true);
  },
);

describe("text", () => {
  test.each([
    ["?name=a", "a"],
    ["name=a", "a"],
    ["?name=a&name=b", "b"],
    ["?name=a%20b", "a b"],
    ["?name=a+b", "a b"],
    ["?name=a%2Bb", "a+b"],
    ["?name=%E9%9B%AA", "雪"],
    ["?name=a=b", "a=b"],
    ["?x=1&name=a&y=2", "a"],
    ["?name=%", "%"],
    ["?name=%zz", "%zz"],
  ])("%s is %j", (search, expected) => {
    expect(text(search)).toBe(expected);
  });

  test("a name is exact", () => {
    expect(text("?Name=a&name%20=a&names=a", "absent")).toBe("absent");
  });
});

describe("an integer", () => {
  test.each([
    ["0", 0],
    ["7", 7],
    ["007", 7],
    ["1000", 1000],
  ])("%s", (value, expected) => {
    expect(integer(`?count=${value}`, "count", 1, 0, 1000)).toBe(expected);
  });

  test.each([
    "-1",
    "1001",
    "1.0",
    "1e2",
    "0x10",
    "+5",
    "five",
    "Infinity",
    "NaN",
    "٧",
    "9".repeat(17),
    "5%20",
    "%0A5",
  ])("not %s", (value) => {
    expect(
      rejectionOf(() =>
        integer(`?count=${encodeURIComponent(decodeURIComponent(value))}`, "count", 1, 0, 1000),
      ),
    ).toMatch(/^BAD_PARAMETER: count must be an integer between 0 and 1000, got ".+"$/);
  });
});

describe("a number", () => {
  test.each([
    ["0", 0],
    ["29.97", 29.97],
    ["0.5", 0.5],
    ["1000", 1000],
  ])("%s", (value, expected) => {
    expect(number(`?max_fps=${value}`, "max_fps", 1, 0, 1000)).toBe(expected);
  });

  test.each(["-0.5", "1000.1", ".5", "5.", "1e2", "Infinity", "NaN", "1,5", "1.2.3", "fast"])(
    "not %s",
    (value) => {
      expect(rejectionOf(() => number(`?max_fps=${value}`, "max_fps", 1, 0, 1000))).toBe(
        `BAD_PARAMETER: max_fps must be a number between 0 and 1000, got "${value}"`,
      );
    },
  );
});

describe("a choice", () => {
  const choose = (search: string) => choice(search, "offsets", ["auto", "start", "end"]);

  test("in any case", () => {
    expect(choose("?offsets=end")).toBe("end");
    expect(choose("?offsets=START")).toBe("start");
    expect(choose("?offsets=Auto")).toBe("auto");
  });

  test.each(["ends", "st", "auto,end", "toString", "__proto__"])("not %s", (value) => {
    expect(rejectionOf(() => choose(`?offsets=${value}`))).toBe(
      `BAD_PARAMETER: offsets must be one of auto, start, end, got "${value}"`,
    );
  });
});

test("truncates a long value in the error", () => {
  const search = `?count=${"x".repeat(100_000)}&format=${"y".repeat(100_000)}`;
  expect(rejectionOf(() => integer(search, "count", 1, 0, 9)).length).toBeLessThan(120);
  expect(rejectionOf(() => flag(search, false, "count")).length).toBeLessThan(120);
  expect(rejectionOf(() => choice(search, "format", ["a"])).length).toBeLessThan(120);
});

test("fuzz: any query string gives a value in its range, or an error that names the parameter", () => {
  const value = fc.oneof(fc.string(), anyString(), fc.integer().map(String), fc.double().map(String));
  const search = fc.oneof(
    value,
    value.map((text) => `?name=${text}`),
    value.map((text) => `?name=${encodeURIComponent(text)}`),
  );
  const readers: ((search: string) => boolean)[] = [
    (search) => typeof flag(search, false, "name") === "boolean",
    (search) => {
      const value = integer(search, "name", 5, 1, 10) ?? Number.NaN;
      return Number.isInteger(value) && value >= 1 && value <= 10;
    },
    (search) => {
      const value = number(search, "name", 5, 1, 10) ?? Number.NaN;
      return value >= 1 && value <= 10;
    },
    (search) => ["a", "b"].includes(choice(search, "name", ["a", "b"]) ?? ""),
  ];
  fc.assert(
    fc.property(search, fc.constantFrom(...readers), (text, reads) => {
      try {
        expect(reads(text)).toBe(true);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(error.code).toBe("BAD_PARAMETER");
        expect(error.message).toMatch(/^name must be /);
      }
    }),
    { numRuns: 3000 },
  );
});

test("a name differs between absent and empty", () => {
  const device = (search: string) => readParameters("get", search, LIMITS).device_id;
  expect(device("")).toBeUndefined();
  expect(device("?device_id=")).toBe("");
  expect(device("?device_id=cam")).toBe("cam");
});

test("a setting limits count", () => {
  expect(readParameters("get", "?count=1000", LIMITS).count).toBe(1000);
  expect(rejectionOf(() => readParameters("get", "?count=1001", LIMITS))).toBe(
    'BAD_PARAMETER: count must be an integer between 1 and 1000, got "1001"',
  );
});
