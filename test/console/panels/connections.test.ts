import { expect, test } from "vitest";
import { matching, parseConnections, ratesBetween } from "../../../console/panels/connections/connections.ts";

const RESPONSE = [
  {
    ...{ id: "8f-1x", kind: "pull", identity: "key:lab", address: "10.0.0.7", expires: null },
    ...{ since: "2026-11-28T13:00:00.000Z", streams: ["rover:cam"], streamCount: 120 },
    ...{ receivedBytes: 400, sentBytes: 90_000, unsentBytes: 7, lagMs: 1200 },
  },
  { id: "8f-2x", kind: "push", identity: "anyone", address: "10.0.0.8", since: "x", streams: null },
];

test("reads a response, and ignores what has another form", () => {
  const [first, second] = parseConnections(RESPONSE);
  expect(first).toMatchObject({ kind: "pull", streams: ["rover:cam"], streamCount: 120 });
  expect(first).toMatchObject({ receivedBytes: 400, sentBytes: 90_000, unsentBytes: 7, lagMs: 1200 });
  expect(first?.sinceMs).toBe(Date.UTC(2026, 10, 28, 13));
  expect(second).toMatchObject({ streams: [], streamCount: 0, lagMs: undefined });
  for (const other of [null, {}, "x", [null, 5]]) expect(parseConnections(other)).toEqual([]);
});

test("filters by kind, client and stream", () => {
  const all = parseConnections(RESPONSE);
  const found = (words: string) => matching(all, words).map(({ id }) => id);
  expect([found(""), found("PUSH"), found("lab"), found("10.0.0.8"), found("rover:"), found("z")]).toEqual([
    ["8f-1x", "8f-2x"],
    ["8f-2x"],
    ["8f-1x"],
    ["8f-2x"],
    ["8f-1x"],
    [],
  ]);
});

test("computes the rates of connections that were already open", () => {
  const at = (atMs: number, received: number, sent: number, id = "8f-1x") => ({
    atMs,
    connections: parseConnections([{ ...RESPONSE[0], id, receivedBytes: received, sentBytes: sent }]),
  });
  expect(ratesBetween(at(1000, 100, 5000), at(3000, 300, 25_000))).toEqual(
    new Map([["8f-1x", { received: 100, sent: 10_000 }]]),
  );
  expect(ratesBetween(at(1000, 0, 0, "8f-3x"), at(3000, 300, 25_000))).toEqual(new Map());
});
