/** `GET /data/{stream_id}/entries?format=mcap`: the history as a file. */
import { describe, expect, it } from "vitest";
import { valuesOf } from "../../../../../src/domain/streams/entry.ts";
import { openDecompression } from "../../../../../src/recordings/decompression.ts";
import { openAnswer, request } from "../../../../support/clients/http.ts";
import { readFile } from "../../../../support/data/mcap.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";
import { until } from "../../../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

const add = (key: string, id: string, ...fields: readonly (string | Uint8Array)[]) =>
  redis.control.call("XADD", key, id, ...fields);

/** Requests an export and reads it. */
async function exported(path: string) {
  const answer = await request(`${gateway.http}/data/${path}`);
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/mcap"]);
  return { ...(await readFile(answer.body, await openDecompression())), answer };
}

/** Returns 1 MiB that zstd cannot compress. */
function incompressible(): Buffer {
  const payload = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < payload.length; i++) payload[i] = (i * 2654435761) >>> 13;
  return payload;
}

const shown = ({ entries }: Awaited<ReturnType<typeof exported>>) =>
  entries.map(({ stream, entry }) => [
    stream.key,
    entry.id,
    String(Buffer.from(entry.data)),
    ...(entry.fields
      ? [[...entry.fields].map(([name, value]) => [name, String(Buffer.from(valuesOf(value)[0] ?? []))])]
      : []),
  ]);

describe("an export", () => {
  it("has all entries of the range in the order of their ids, with fields and metadata", async () => {
    await add("rover:imu", "5-1", "d", '{"x":1}');
    await add("rover:log", "5-2", "d", "hello", "level", "info");
    await add("rover:imu", "6-1000000", "d", '{"x":2}');
    await add("rover:log", "9-0", "d", "outside");
    await add("other:imu", "5-0", "d", "other device");
    await redis.control.call(
      "SET",
      ":stream:meta:rover:imu",
      '{"contentType":"application/json","title":"IMU"}',
    );
    const file = await exported("*/entries?device_id=rover&format=mcap&start=1&end=8");
    expect(shown(file)).toEqual([
      ["rover:imu", "5-1", '{"x":1}'],
      ["rover:log", "5-2", "hello", [["level", "info"]]],
      ["rover:imu", "6-1000000", '{"x":2}'],
    ]);
    expect(file.entries[0]?.stream).toMatchObject({
      ...{ device: "rover", stream: "imu", contentType: "application/json" },
      meta: '{"contentType":"application/json","title":"IMU"}',
    });
    expect(file.reader.header.library).toBe("redis-streamer test");
    expect(file.answer.headers["content-disposition"]).toMatch(
      /^attachment; filename="rover-\d{8}T\d{6}Z\.mcap"$/,
    );
  });

  it.each([
    ["rover%3Aimu+rover%3Alog/entries?device_id=&", "rover_imu_rover_log"],
    ["rover*/entries?device_id=&", "rover"],
    ["*/entries?device_id=&", "streams"],
    ["imu/entries?", "default"],
    ["imu/entries?device_id=*&", "imu"],
  ])("is named by its device, or by its streams: %s", async (path, name) => {
    const { answer } = await exported(`${path}format=mcap&start=1&end=8`);
    expect(answer.headers["content-disposition"]).toMatch(
      new RegExp(`^attachment; filename="${name}-\\d{8}T\\d{6}Z\\.mcap"$`),
    );
  });

  it("has more entries than a page, of streams that are named", async () => {
    const ids = Array.from({ length: 2500 }, (_, i) => `${1000 + Math.floor(i / 3)}-${i % 3}`);
    for (const [i, id] of ids.entries()) await add(i % 5 === 0 ? "default:few" : "default:many", id, "d", id);
    const file = await exported("few+many/entries?format=mcap");
    expect(file.entries.map(({ entry }) => entry.id)).toEqual(ids);
    expect(file.entries.map(({ entry }) => String(Buffer.from(entry.data)))).toEqual(ids);
  });

  it("is a valid file if there is nothing", async () => {
    expect(shown(await exported("nothing/entries?format=mcap"))).toEqual([]);
    expect(shown(await exported("*/entries?device_id=none&format=mcap"))).toEqual([]);
  });

  it.each([
    ["reverse=1", "reverse must be 0 with format=mcap"],
    ["start=yesterday", "start must be"],
  ])("rejects %s", async (query, message) => {
    const answer = await request(`${gateway.http}/data/x/entries?format=mcap&${query}`);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { error: expect.stringContaining(message), code: "BAD_PARAMETER" },
    ]);
  });

  it.each([
    ["trimmed", ["XTRIM", "default:trimmed", "MINID", "39-0"], "39-0", 2],
    ["deleted", ["DEL", "default:deleted"], "40-1", 0],
  ] as const)("states which entries were %s while it was read", async (name, command, before, left) => {
    for (let i = 1; i <= 40; i++) await add(`default:${name}`, `${i}-0`, "d", incompressible());
    await using answer = await openAnswer(`${gateway.http}/data/${name}/entries?format=mcap`);
    const pieces = [await answer.next()];
    answer.pause();
    await redis.control.call(...command);
    answer.resume();
    for (let piece = await answer.next(); piece !== undefined; piece = await answer.next())
      pieces.push(piece);
    const bytes = Buffer.concat(pieces.map((piece) => piece ?? Buffer.alloc(0)));
    const { entries, reader } = await readFile(bytes, await openDecompression());
    const ids = entries.map(({ entry }) => entry.id);
    const kept = ids.slice(0, ids.length - left);
    expect(ids).toEqual([...kept.map((_, i) => `${i + 1}-0`), ...["39-0", "40-0"].slice(0, left)]);
    expect(kept.length).toBeLessThan(38);
    const gaps = [];
    for await (const gap of reader.readMetadata({ name: "redis-streamer.gap" }))
      gaps.push(Object.fromEntries(gap.metadata));
    expect(gaps).toEqual([{ stream: `default:${name}`, after: kept.at(-1), before }]);
  });

  it("ends when the client leaves", async () => {
    const payload = incompressible();
    for (let i = 1; i <= 40; i++) await add("default:large", `${i}-0`, "d", payload);
    const metric = async (text: string) => (await request(`${gateway.http}/metrics`)).text.includes(text);
    {
      await using answer = await openAnswer(`${gateway.http}/data/large/entries?format=mcap`, {});
      expect(answer.status).toBe(200);
      await answer.next();
      expect(await metric('redis_streamer_connections{kind="export"} 1')).toBe(true);
    }
    for (const line of ['connections{kind="export"} 0', 'memory_bytes{use="answer"} 0'])
      await until(line, () => metric(`redis_streamer_${line}`));
  });
});
