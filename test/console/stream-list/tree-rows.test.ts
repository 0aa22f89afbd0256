import { expect, test } from "vitest";
import { splitName } from "../../../console/design/elided-name.tsx";
import type { ListedStream } from "../../../console/stream-list/listing.ts";
import { foundStreams, treeRows } from "../../../console/stream-list/tree-rows.ts";

const stream = (key: string, rate: number, length = 1): ListedStream => {
  const [device, name] = key.includes(":") ? key.split(":") : [undefined, key];
  return {
    key,
    device,
    stream: name ?? key,
    rate,
    length,
    lastId: `${length}-0`,
  } as unknown as ListedStream;
};
const STREAMS = [
  stream("rover:imu", 50, 9),
  stream("plain", 1),
  stream("rover:cam", 25),
  stream("probe:imu", 99),
];
const rows = (search: string, options: Partial<Parameters<typeof treeRows>[1]> = {}) =>
  treeRows(foundStreams(STREAMS, search), { search, order: "name", folded: new Set(), ...options }).map(
    (row) => (row.kind === "device" ? `[${row.device}] ${row.count}` : row.name),
  );

test("groups streams by device; a folded device has only its row, except in a search", () => {
  expect(rows("")).toEqual(["[] 1", "plain", "[probe] 1", "imu", "[rover] 2", "cam", "imu"]);
  const folded = new Set(["rover"]);
  expect(rows("", { folded })).toEqual(["[] 1", "plain", "[probe] 1", "imu", "[rover] 2"]);
  expect(rows("IMU rov", { folded })).toEqual(["[rover] 1", "imu"]);
});

test("other orders are one list, descending", () => {
  expect(rows("", { order: "rate" })).toEqual(["probe:imu", "rover:imu", "rover:cam", "plain"]);
  expect(rows("", { order: "length" })[0]).toBe("rover:imu");
  expect(rows("", { order: "age" })[0]).toBe("rover:imu");
});

test("a long name keeps its end, also one of characters of two units", () => {
  expect(splitName("a-very-long-name-front-left")).toEqual(["a-very-long-name-", "front-left"]);
  expect(splitName("short")).toEqual(["", "short"]);
  expect(splitName("🛰".repeat(12))).toEqual(["🛰🛰", "🛰".repeat(10)]);
});
