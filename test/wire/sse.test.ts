import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeSse, encodeSseRetry, SSE_HEARTBEAT } from "../../src/wire/sse.ts";

/** Parses a stream like a browser: WHATWG HTML, section 9.2.6, "Interpreting an event stream". */
function seen(stream: string) {
  const events: { type: string; data: string; id: string }[] = [];
  let [type, data, id, lastId, retry] = ["", "", "", "", ""];
  const lines = stream.split(/\r\n|\r|\n/);
  // Text after the last line end is an incomplete line.
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      lastId = id;
      if (data !== "")
        events.push({ type: type === "" ? "message" : type, data: data.slice(0, -1), id: lastId });
      [type, data] = ["", ""];
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data += `${value}\n`;
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^\d+$/.test(value)) retry = value;
  }
  return { events, lastId, retry };
}

describe("encodes events byte for byte", () => {
  test.each([
    [{ id: "5-1", data: "x" }, "id: 5-1\ndata: x\n\n"],
    [{ id: "5-1", event: "gap", data: "x" }, "event: gap\nid: 5-1\ndata: x\n\n"],
    [{ data: "a\nb" }, "data: a\ndata: b\n\n"],
    [{ data: "a\rb" }, "data: a\ndata: b\n\n"],
    [{ data: "a\r\nb" }, "data: a\ndata: b\n\n"],
    [{ data: "a\n\r\nb\r\r" }, "data: a\ndata: \ndata: b\ndata: \ndata: \n\n"],
    [{ data: "" }, "data: \n\n"],
    [{ data: " x" }, "data:  x\n\n"],
    [{ data: ": no comment" }, "data: : no comment\n\n"],
    [{ id: "5-1" }, "id: 5-1\n\n"],
    [{ id: "5\n\ndata: forged", data: "x" }, "id: 5  data: forged\ndata: x\n\n"],
    [{ event: "a\r\nid: 9", data: "x" }, "event: a  id: 9\ndata: x\n\n"],
    [{ id: "a\0b", data: "x" }, "id: a b\ndata: x\n\n"],
  ])("%j", (event, text) => {
    expect(encodeSse(event)).toBe(text);
  });
});

test("an event with only an id sets the last event id and dispatches no event", () => {
  expect(seen(encodeSse({ id: "5-1" }))).toMatchObject({ events: [], lastId: "5-1" });
});

test("a heartbeat is not part of any event", () => {
  const one = encodeSse({ id: "5-1", data: "x" });
  expect(seen(SSE_HEARTBEAT)).toMatchObject({ events: [], lastId: "" });
  expect(seen(`${one}${SSE_HEARTBEAT}${SSE_HEARTBEAT}${one}`)).toEqual(seen(one + one));
});

test("encodes the reconnection time", () => {
  expect(encodeSseRetry(1500)).toBe("retry: 1500\n\n");
  expect(seen(encodeSseRetry(1500))).toMatchObject({ retry: "1500", events: [] });
});

test("property: a page receives each event once, with its id and all lines", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "b", "\n", "\r", "\r\n", " ", ":", "data: ", "id: 1", "\0", "雪", "\ufeff"),
    maxLength: 12,
  });
  const name = text.map((one) => one.replace(/[\r\n\0]/g, ""));
  const event = fc.record({ id: name, event: name, data: text });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), (events) => {
      expect(seen(events.map(encodeSse).join("")).events).toEqual(
        events.map(({ id, event: type, data }) => ({
          // The format removes one space after the colon; spaces of the text remain.
          type: type === "" ? "message" : type,
          data: data.replace(/\r\n|\r|\n/g, "\n"),
          id,
        })),
      );
    }),
    { numRuns: 1000 },
  );
});
