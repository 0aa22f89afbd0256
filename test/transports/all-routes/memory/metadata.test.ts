/** Metadata of any size, stored by clients and by other programs: what is rejected, what each reader receives, and what is counted. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../../../client/index.ts";
import { openDecompression } from "../../../../src/recordings/decompression.ts";
import type { RecordingStatus } from "../../../../src/recordings/recording-status.ts";
import { UNREAD_RECORD } from "../../../../src/wire/mcap/entry-writer.ts";
import { connectViewer } from "../../../support/clients/foxglove-client.ts";
import { ask } from "../../../support/clients/graphql.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { readFile } from "../../../support/data/mcap.ts";
import { metricOf } from "../../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const MAX = 256 * 1024;
const MIB = 1024 * 1024;
/** Metadata of one of many streams, below the maximum. */
const LARGE = 200_000;
/** Streams of device `many`, whose metadata is too large together for a viewer and for a file. */
const MANY = 40;
/** Metadata that a viewer and a file have at most. */
const MAX_TOGETHER = 4 * MIB;

const directory = mkdtempSync(join(tmpdir(), "metadata-"));
afterAll(() => rmSync(directory, { recursive: true }));
const { redis, gateway } = await openOwnGateway({
  ...{ RECORDINGS_DIR: directory, GRAPHQL_MAX_ANSWER_BYTES: "1m", GRAPHQL_MAX_BYTES: "4m" },
});

/** Returns metadata of a size in bytes. */
function metaOf(bytes: number): string {
  const whole = (description: string) =>
    JSON.stringify({
      contentType: "application/json",
      schema: { name: "S", encoding: "jsonschema", data: JSON.stringify({ type: "object", description }) },
    });
  return whole("x".repeat(bytes - whole("").length));
}

/** Stores metadata as another program does, and an entry. */
async function store(key: string, meta: string): Promise<void> {
  await redis.control.call("SET", `:stream:meta:${key}`, meta);
  await redis.control.call("XADD", key, "1-0", "d", '{"a":1}');
}

const GOOD = '{"contentType":"application/json","title":"Good"}';

beforeAll(async () => {
  await store("foreign:large", metaOf(MAX + 1));
  await store("foreign:small", GOOD);
  for (let i = 0; i < MANY; i++) await store(`many:s${i}`, metaOf(LARGE + i));
  // The last name: those before it do not use up its memory.
  await store("many:z", GOOD);
});

const TOO_LARGE_FOREIGN = new RegExp(`${MAX + 1}.*${MAX} bytes|${MAX} bytes.*got ${MAX + 1}`);

describe("writes", () => {
  const update = (meta: unknown, more = "") =>
    ask(gateway, `mutation($meta: JSON!) { updateStreamMeta(streamId: "w", meta: $meta${more}) }`, { meta });

  test("up to the maximum are stored; larger ones are an error that names size and limit", async () => {
    expect(await update(JSON.parse(metaOf(MAX)))).toEqual({ data: { updateStreamMeta: { meta_set: true } } });
    expect(await update(JSON.parse(metaOf(MAX + 1)))).toMatchObject({
      errors: [
        {
          message: `the metadata of a stream must be at most ${MAX} bytes of JSON (MAX_META_BYTES), got ${MAX + 1}`,
          extensions: { code: "TOO_LARGE" },
        },
      ],
    });
  });

  test("what is merged counts with what is stored", async () => {
    await update(JSON.parse(metaOf(LARGE)));
    const half = { note: "é".repeat(MAX / 4) };
    const { errors } = await update(half, ", update: true");
    expect(errors?.[0]?.message).toMatch(
      /^the metadata of a stream must be at most 262144 bytes .*, got 33\d{4}$/,
    );
    const { data } = await ask(
      gateway,
      '{ device(id: "default") { stream(streamId: "w") { contentType title } } }',
    );
    expect(data).toEqual({ device: { stream: { contentType: "application/json", title: null } } });
  });

  test("nothing is merged into metadata of another program that is too large", async () => {
    await redis.control.call("SET", ":stream:meta:default:w", metaOf(MAX + 1));
    const { errors } = await update({ title: "x" }, ", update: true");
    expect(errors?.[0]).toMatchObject({
      message: `the stored metadata of the stream must be at most ${MAX} bytes of JSON (MAX_META_BYTES), got ${MAX + 1}`,
      extensions: { code: "TOO_LARGE" },
    });
    await update({});
  });

  test("a declaration that does not fit is a warning; the entry is stored", async () => {
    await redis.control.call(
      "SET",
      ":stream:meta:default:declared",
      JSON.stringify({ a: "x".repeat(MAX - 20) }),
    );
    const answer = await request(`${gateway.http}/data/declared?content_type=text/csv`, {
      method: "POST",
      body: "1,2",
    });
    expect(answer.status).toBe(200);
    expect(String(answer.headers["x-warnings"])).toMatch(
      /the metadata of a stream must be at most 262144 bytes/,
    );
  });

  test("the metadata of devices has the same maximum", async () => {
    const meta = JSON.parse(metaOf(MAX + 1));
    for (const mutation of ["updateDeviceMeta", "connectDevice"]) {
      const { errors } = await ask(gateway, `mutation($meta: JSON!) { ${mutation}(id: "w", meta: $meta) }`, {
        meta,
      });
      expect(errors?.[0]?.message).toBe(
        `the metadata of a device must be at most ${MAX} bytes of JSON (MAX_META_BYTES), got ${MAX + 1}`,
      );
    }
  });
});

describe("GraphQL", () => {
  interface Shown {
    readonly id: string;
    readonly meta: object | null;
    readonly title: string | null;
  }
  const list = async (match: string) => {
    const answer = await ask(gateway, "query($match: String) { streams(match: $match) { id meta title } }", {
      match,
    });
    return { ...answer, streams: (answer.data?.streams ?? []) as readonly Shown[] };
  };

  test("metadata of another program that is too large is an error of its fields only", async () => {
    const { streams, errors } = await list("foreign:*");
    expect(streams).toEqual([
      { id: "foreign:large", meta: null, title: null },
      { id: "foreign:small", meta: JSON.parse(GOOD), title: "Good" },
    ]);
    expect(errors?.map(({ path }) => path)).toEqual([
      ["streams", 0, "meta"],
      ["streams", 0, "title"],
    ]);
    expect(errors?.[0]?.message).toMatch(TOO_LARGE_FOREIGN);
  });

  test("the client reports it for one stream, and lists the others", async () => {
    const streamer = connect(gateway.http);
    await expect(streamer.meta("large", { device: "foreign" })).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringMatching(TOO_LARGE_FOREIGN),
    });
    const listed = await streamer.streams({ match: "foreign:*" });
    expect(listed.map(({ meta }) => meta)).toEqual([null, JSON.parse(GOOD)]);
  });

  test("an operation reads as much as its budget has, the smallest first", async () => {
    const { streams, errors } = await list("many:*");
    expect(streams.length).toBe(MANY + 1);
    const read = streams.filter(({ meta }) => meta !== null).map(({ id }) => id);
    expect(new Set(read)).toEqual(new Set(["many:s0", "many:s1", "many:s2", "many:s3", "many:s4", "many:z"]));
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining("GRAPHQL_MAX_ANSWER_BYTES"),
      extensions: { code: "TOO_LARGE" },
    });
  });

  test("each alias of a field counts", async () => {
    const fields = Array.from({ length: 40 }, (_, i) => `a${i}: ${i % 2 === 0 ? "meta" : "schema"}`).join(
      " ",
    );
    const { data } = await ask(gateway, `{ stream(id: "many:s0") { ${fields} } }`);
    const values = Object.values(data?.stream as object);
    const text = values.reduce((sum: number, value) => sum + (value === null ? 0 : LARGE), 0);
    expect(text).toBeGreaterThan(2 * MIB);
    expect(text).toBeLessThanOrEqual(3 * MIB);
  });

  test("the metadata of devices is counted in the same way", async () => {
    for (let i = 0; i < 10; i++) {
      await redis.control.call("SADD", ":devices:seen", `dev-${i}`);
      await redis.control.call("SET", `:devices:meta:dev-${i}`, metaOf(i === 0 ? MAX + 1 : LARGE));
    }
    const { data, errors } = await ask(gateway, "{ devices(includeAll: true) { id meta } }");
    const devices = (data?.devices ?? []) as readonly Shown[];
    expect(devices.filter(({ id, meta }) => id.startsWith("dev-") && meta !== null).length).toBe(5);
    expect(errors?.some(({ message }) => TOO_LARGE_FOREIGN.test(message))).toBe(true);
    await redis.control.call("DEL", ":devices:seen");
  });

  test("a subscription reads metadata when it is delivered, and reports what is too large", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    socket.send('{"type":"connection_init"}');
    expect(JSON.parse(await socket.text()).type).toBe("connection_ack");
    const query = 'subscription { streamMeta(streamIds: ["events:a"]) { streamId meta } }';
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
    let isReported = false;
    const first = socket.text().finally(() => {
      isReported = true;
    });
    await until("changes are reported", async () => {
      await redis.control.call("SET", ":stream:meta:events:a", metaOf(MAX + 1));
      return isReported;
    });
    expect(JSON.parse(await first)).toMatchObject({
      payload: {
        data: { streamMeta: { streamId: "events:a", meta: null } },
        errors: [{ message: expect.stringMatching(TOO_LARGE_FOREIGN), extensions: { code: "TOO_LARGE" } }],
      },
    });
    await redis.control.call("SET", ":stream:meta:events:a", metaOf(MAX));
    let payload: { errors?: unknown; data: { streamMeta: { meta: unknown } } };
    do payload = JSON.parse(await socket.text()).payload;
    while (payload.errors !== undefined);
    expect(payload.data.streamMeta.meta).toEqual(JSON.parse(metaOf(MAX)));
  });
});

describe("HTTP", () => {
  test("the content type of an entry is detected, with a warning", async () => {
    const { headers, text } = await request(`${gateway.http}/data/large/entries/last?device_id=foreign`);
    expect([headers["content-type"], text]).toEqual(["application/json", '{"a":1}']);
    expect(String(headers["x-warnings"])).toMatch(TOO_LARGE_FOREIGN);
    const large = await request(`${gateway.http}/data/s0/entries/last?device_id=many`);
    expect([large.headers["content-type"], large.headers["x-warnings"]]).toEqual([
      "application/json",
      undefined,
    ]);
  });

  /** Requests an export, and returns the metadata in it and the streams without. */
  async function exported(device: string) {
    const answer = await request(`${gateway.http}/data/*/entries?device_id=${device}&format=mcap`);
    expect(answer.status).toBe(200);
    const file = await readFile(answer.body, await openDecompression());
    const metas = new Map(file.entries.map(({ stream }) => [stream.key, stream.meta]));
    return { metas, lacks: recordsIn(file), warnings: String(answer.headers["x-warnings"]) };
  }

  test("an export has all entries, and states which streams lack their metadata", async () => {
    const foreign = await exported("foreign");
    expect(foreign.metas).toEqual(
      new Map([
        ["foreign:large", undefined],
        ["foreign:small", GOOD],
      ]),
    );
    expect([foreign.lacks, foreign.warnings.includes("foreign:large")]).toEqual([1, true]);
    const { metas, lacks, warnings } = await exported("many");
    expect([metas.size, metas.get("many:z")]).toEqual([MANY + 1, GOOD]);
    const read = [...metas.values()].filter((meta) => meta !== undefined && meta.length >= LARGE);
    expect(read.length).toBe(Math.floor(MAX_TOGETHER / LARGE));
    expect(lacks).toBe(MANY - read.length);
    expect(warnings).toMatch(new RegExp(`and ${lacks - 1} others: .*too large together`));
  });

  test("the metadata of an export counts while it is sent", async () => {
    await using _answer = await openAnswer(`${gateway.http}/data/*/entries?device_id=many&format=mcap`);
    await until(
      "it is counted",
      async () => (await metricOf(gateway, 'memory_bytes{use="answer"}')) > 8 * 3.8 * MIB,
    );
  });
});

/** Returns the number of records about missing metadata. */
const recordsIn = ({ reader }: Awaited<ReturnType<typeof readFile>>) =>
  reader.metadataIndexes.filter(({ name }) => name === UNREAD_RECORD).length;

describe("Foxglove", () => {
  const streamsBytes = () => metricOf(gateway, 'memory_bytes{use="streams"}');

  test("a channel has the content of its entries if its metadata is too large, with a status", async () => {
    await using viewer = await connectViewer(`${gateway.ws}/foxglove/foreign`);
    const channel = await viewer.channel("/foreign/large");
    expect(channel.schemaName).toBe("foreign.large");
    await viewer.channel("/foreign/small");
    await until("a status", () => viewer.statuses.length > 0);
    expect(viewer.statuses.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^\/foreign\/large and possibly other streams have no declared schema: its metadata of 262145/,
      ),
    ]);
  });

  test("the schemas of a viewer are limited together, and count until it disconnects", async () => {
    const before = await streamsBytes();
    {
      await using viewer = await connectViewer(`${gateway.ws}/foxglove/many`);
      await until("all channels", () => viewer.channels.size === MANY + 1);
      const large = [...viewer.channels.values()].filter(({ schema }) => schema.length > LARGE / 2);
      expect(large.length).toBe(Math.floor(MAX_TOGETHER / LARGE));
      expect(viewer.statuses[0]?.message).toContain("too large together");
      expect((await streamsBytes()) - before).toBeGreaterThan(2 * large.length * (LARGE - 1000));
    }
    await until("it is returned", async () => (await streamsBytes()) === before);
  });
});

test("the event of a device that connects lacks metadata that is too large", async () => {
  await redis.control.call("SET", ":devices:meta:present", metaOf(MAX + 1));
  await using _socket = await connectSocket(`${gateway.ws}/data/a/push?device_id=present&presence=1`);
  let events = "";
  await until("the device is connected", async () => {
    events = String(await redis.control.call("XREVRANGE", ":event:device.connected", "+", "-"));
    return events.includes('"present","connected":true');
  });
  expect(events).toContain('{"device_id":"present","connected":true,"meta":null}');
});

describe("a recording", () => {
  const post = (path: string, body: object = {}) =>
    request(`${gateway.http}/recordings${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  test("has all entries, and states which streams lack their metadata", async () => {
    await post("", { name: "many", device: "many", streams: ["*"], from: "0" });
    const stopped = (await post("/many/stop")).json() as RecordingStatus;
    expect(stopped).toMatchObject({ state: "stopped", entries: MANY + 1 });
    expect(stopped.error).toMatch(
      /^the files lack the metadata of a stream: many:s\d+: .*too large together$/,
    );
    const answer = await request(`${gateway.http}/recordings/many.mcap`);
    const file = await readFile(answer.body, await openDecompression());
    const metas = new Map(file.entries.map(({ stream }) => [stream.key, stream.meta]));
    expect(metas.get("many:z")).toBe(GOOD);
    const read = [...metas.values()].filter((meta) => meta !== undefined && meta.length >= LARGE);
    expect(read.length).toBeGreaterThan(Math.floor(MAX_TOGETHER / LARGE) - 2);
    expect(read.length).toBeLessThanOrEqual(Math.floor(MAX_TOGETHER / LARGE));
    expect(recordsIn(file)).toBe(MANY - read.length);
  });

  test("sees that metadata becomes too large, and small again", async () => {
    await redis.control.call("XADD", "changing:a", "1-0", "d", "1");
    await post("", { name: "changing", device: "changing", streams: ["a"], from: "0" });
    const entries = async () =>
      ((await request(`${gateway.http}/recordings/changing`)).json() as RecordingStatus).entries;
    const error = async () =>
      ((await request(`${gateway.http}/recordings/changing`)).json() as RecordingStatus).error;
    await until("the first entry", async () => (await entries()) === 1);
    await until("the change is seen", async () => {
      await redis.control.call("SET", ":stream:meta:changing:a", metaOf(MAX + 1));
      return (await error()) !== null;
    });
    expect(await error()).toMatch(TOO_LARGE_FOREIGN);
    await redis.control.call("SET", ":stream:meta:changing:a", metaOf(MAX));
    await post("/changing/stop");
  });
});
