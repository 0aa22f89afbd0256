import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/domain/errors.ts";
import { readQuery } from "../../src/transports/query.ts";
import { refusalOf } from "../support/refusal.ts";

describe("“`1/0`, `true/false`, `yes/no`, `on/off`, `t/f`, `y/n` in any case (Python's `requests` sends `True`)”", () => {
  test.each(["1", "true", "True", "TRUE", "yes", "Yes", "on", "ON", "t", "T", "y", "Y"])("%s", (value) => {
    expect(readQuery<string>(`?ack=${value}`).flag("ack", false)).toBe(true);
    expect(readQuery<string>(`?ack=${value}`).flag("ack", true)).toBe(true);
  });

  test.each(["0", "false", "False", "FALSE", "no", "NO", "off", "Off", "f", "F", "n", "N"])("%s", (value) => {
    expect(readQuery<string>(`?ack=${value}`).flag("ack", false)).toBe(false);
    expect(readQuery<string>(`?ack=${value}`).flag("ack", true)).toBe(false);
  });

  test.each(["2", "01", "10", "-1", "tru", "truee", "yess", "oui", "1 ", "%201", "null", "None", "1%0A"])(
    "not %j",
    (value) => {
      expect(refusalOf(() => readQuery<string>(`?ack=${value}`).flag("ack", false))).toMatch(
        /^BAD_PARAMETER: ack wants 1 or 0, not ".+"$/,
      );
    },
  );
});

describe("a parameter that is absent or empty has its default", () => {
  test.each(["", "?", "?other=1", "?name=", "name=", "?name=5&name=", "?name&name="])("%j", (search) => {
    const query = readQuery<string>(search);
    expect(query.has("name")).toBe(false);
    expect(query.text("name", "default")).toBe("default");
    expect(query.flag("name", true)).toBe(true);
    expect(query.flag("name", false)).toBe(false);
    expect(query.whole("name", 7, 0, 9)).toBe(7);
    expect(query.number("name", 0.5, 0, 9)).toBe(0.5);
    expect(query.choice("name", "a", ["a", "b"])).toBe("a");
  });
});

test.each(["?latest", "latest", "?latest&count=1", "?count=1&latest", "?latest=0&latest"])(
  "a bare flag is true: %s",
  (search) => {
    expect(readQuery(search).flag("latest", false)).toBe(true);
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
  ])("%s is %j", (search, text) => {
    expect(readQuery<string>(search).text("name", "default")).toBe(text);
    expect(readQuery<string>(search).has("name")).toBe(true);
  });

  test("a name is exact", () => {
    expect(readQuery<string>("?Name=a&name%20=a&names=a").has("name")).toBe(false);
  });
});

describe("a whole number", () => {
  test.each([
    ["0", 0],
    ["7", 7],
    ["007", 7],
    ["1000", 1000],
  ])("%s", (value, number) => {
    expect(readQuery<string>(`?count=${value}`).whole("count", 1, 0, 1000)).toBe(number);
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
      refusalOf(() =>
        readQuery<string>(`?count=${encodeURIComponent(decodeURIComponent(value))}`).whole(
          "count",
          1,
          0,
          1000,
        ),
      ),
    ).toMatch(/^BAD_PARAMETER: count wants a whole number from 0 to 1000, not ".+"$/);
  });
});

describe("a number", () => {
  test.each([
    ["0", 0],
    ["29.97", 29.97],
    ["0.5", 0.5],
    ["1000", 1000],
  ])("%s", (value, number) => {
    expect(readQuery<string>(`?max_fps=${value}`).number("max_fps", 1, 0, 1000)).toBe(number);
  });

  test.each(["-0.5", "1000.1", ".5", "5.", "1e2", "Infinity", "NaN", "1,5", "1.2.3", "fast"])(
    "not %s",
    (value) => {
      expect(refusalOf(() => readQuery<string>(`?max_fps=${value}`).number("max_fps", 1, 0, 1000))).toBe(
        `BAD_PARAMETER: max_fps wants a number from 0 to 1000, not "${value}"`,
      );
    },
  );
});

describe("a choice", () => {
  const choose = (search: string) =>
    readQuery<string>(search).choice("offsets", "auto", ["auto", "start", "end"]);

  test("in any case", () => {
    expect(choose("?offsets=end")).toBe("end");
    expect(choose("?offsets=START")).toBe("start");
    expect(choose("?offsets=Auto")).toBe("auto");
  });

  test.each(["ends", "st", "auto,end", "toString", "__proto__"])("not %s", (value) => {
    expect(refusalOf(() => choose(`?offsets=${value}`))).toBe(
      `BAD_PARAMETER: offsets wants one of auto, start, end, not "${value.toLowerCase()}"`,
    );
  });
});

test("a long value is shown by its beginning", () => {
  const query = readQuery<string>(`?count=${"x".repeat(100_000)}&format=${"y".repeat(100_000)}`);
  expect(refusalOf(() => query.whole("count", 1, 0, 9)).length).toBeLessThan(120);
  expect(refusalOf(() => query.flag("count", false)).length).toBeLessThan(120);
  expect(refusalOf(() => query.choice("format", "a", ["a"])).length).toBeLessThan(120);
});

test("fuzz: any query string gives a value in its range, or an error that names the parameter", () => {
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.integer().map(String),
    fc.double().map(String),
  );
  const search = fc.oneof(
    value,
    value.map((text) => `?name=${text}`),
    value.map((text) => `?name=${encodeURIComponent(text)}`),
  );
  const readers: ((search: string) => boolean)[] = [
    (text) => typeof readQuery<string>(text).flag("name", false) === "boolean",
    (text) => {
      const number = readQuery<string>(text).whole("name", 5, 1, 10);
      return Number.isInteger(number) && number >= 1 && number <= 10;
    },
    (text) => {
      const number = readQuery<string>(text).number("name", 5, 1, 10);
      return number >= 1 && number <= 10;
    },
    (text) => ["a", "b"].includes(readQuery<string>(text).choice("name", "a", ["a", "b"])),
  ];
  fc.assert(
    fc.property(search, fc.constantFrom(...readers), (text, reads) => {
      try {
        expect(reads(text)).toBe(true);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(error.code).toBe("BAD_PARAMETER");
        expect(error.message).toMatch(/^name wants /);
      }
    }),
    { numRuns: 3000 },
  );
});
