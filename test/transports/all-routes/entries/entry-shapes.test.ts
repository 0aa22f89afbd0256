/** Every shape of entry that XADD can store, in every format and route: it is delivered, and so is the entry after it. */
import { decode } from "@msgpack/msgpack";
import { beforeEach, describe, expect, test } from "vitest";
import { entryLine } from "../../../../cli/output/entry-text.ts";
import { connect, fieldsText, type PulledEntry } from "../../../../client/index.ts";
import { decodePulledMsgpack } from "../../../../src/wire/msgpack/msgpack.ts";
import { dataOf } from "../../../support/clients/graphql.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { readEvents } from "../../../support/clients/sse.ts";
import { type Json, jsonBytes, SHAPES } from "../../../support/data/entry-shapes.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

const textOf = (payload: Json) =>
  typeof payload === "string" ? payload : Buffer.from(payload.base64, "base64").toString();

describe.each(SHAPES)("%s", (_title, args, payload, fields, line) => {
  const stored = [payload, ...(fields === undefined ? [] : [fields])];
  const items = [
    ["s", "1-0", ...stored],
    ["s", "2-0", "after"],
  ];
  const address = (path: string, query: string) => `/data/s${path}?last_entry_id=0&count=2&${query}`;

  async function addBoth(): Promise<void> {
    await redis.control.call("XADD", "default:s", "1-0", ...args);
    await redis.control.call("XADD", "default:s", "2-0", "d", "after");
  }

  beforeEach(async () => {
    await redis.control.call("DEL", "default:s");
  });

  test("in the clean formats over HTTP", async () => {
    await addBoth();
    for (const path of ["", "/entries"]) {
      expect((await request(gateway.http + address(path, "format=json"))).json()).toEqual(items);
      const { body } = await request(gateway.http + address(path, "format=msgpack"));
      expect(decodePulledMsgpack(body).map(({ id }) => id)).toEqual(["1-0", "2-0"]);
      // The library rejects this name.
      if (fields !== undefined && Object.hasOwn(fields, "__proto__")) continue;
      const shown = JSON.stringify(decode(new Uint8Array(body)), (_name, value) =>
        value instanceof Uint8Array ? jsonBytes(value) : value,
      );
      expect(JSON.parse(shown)).toEqual(items);
    }
  });

  test("as a payload in formats without fields", async () => {
    await addBoth();
    const plain = await request(gateway.http + address("", "format=raw"));
    expect(plain.text).toBe(`${textOf(payload)}after`);
    await using pull = await connectSocket(gateway.ws + address("/pull", "ack=1"));
    const pair = await pull.pair();
    expect(pair.header.map(([, id]) => id)).toEqual(["1-0", "2-0"]);
    expect(pair.payload.toString()).toBe(`${textOf(payload)}after`);
    await using raw = await connectSocket(gateway.ws + address("/pull", "header=0"));
    expect([await raw.text(), await raw.text()]).toEqual([textOf(payload), "after"]);
  });

  test("in events", async () => {
    await addBoth();
    await using json = await openAnswer(gateway.http + address("/events", "format=json"));
    const events = readEvents(json);
    expect([await events.next(), await events.next()].map((event) => JSON.parse(event?.data ?? ""))).toEqual(
      items,
    );
    await using text = await openAnswer(gateway.http + address("/events", "format=text"));
    expect((await readEvents(text).next())?.id).toBe("1-0");
  });

  test("in GraphQL", async () => {
    await addBoth();
    const query = '{ stream(id: "s") { firstEntryFields lastEntryId entries { nodes { id data fields } } } }';
    const { stream } = await dataOf(gateway, query);
    const data = typeof payload === "string" ? Buffer.from(payload).toString("base64") : payload.base64;
    expect(stream).toEqual({
      firstEntryFields: fields ?? {},
      lastEntryId: "2-0",
      entries: {
        nodes: [
          { id: "1-0", data, fields: fields ?? {} },
          { id: "2-0", data: Buffer.from("after").toString("base64"), fields: {} },
        ],
      },
    });
  });

  test("live, in the client and the tools built on it", async () => {
    const seen: PulledEntry[] = [];
    const waiting = (async () => {
      const onStatus = (status: { state: string }) => {
        if (status.state === "open") void addBoth();
      };
      for await (const entry of connect(gateway.http).pull("s", { onStatus })) {
        seen.push(entry);
        if (seen.length === 2) return;
      }
    })();
    await waiting;
    const [first, second] = seen;
    if (first === undefined || second === undefined) throw new Error("an entry is missing");
    expect(second.text()).toBe("after");
    expect(jsonBytes(first.data)).toEqual(payload);
    const carried = [...(first.fields ?? [])].map(([name, value]) => [
      name,
      value instanceof Uint8Array ? jsonBytes(value) : value.map(jsonBytes),
    ]);
    expect(Object.fromEntries(carried)).toEqual(fields ?? {});
    expect(fieldsText(first.fields)).toBe(line);
    expect(entryLine(first)).toMatch(/^s: 1-0 \| /);
    expect(entryLine(first)).toContain(line);
    expect(entryLine(first)).not.toMatch(/\p{Cc}/u);
  });
});

describe("pushed", () => {
  const shape = { a: ["1", "2"], b: "3" };

  test.each(["msgpack", "json", "GraphQL", "dedupe"])("a repeated field as a list, by %s", async (way) => {
    await redis.control.call("DEL", "default:pushed");
    if (way === "msgpack") {
      const push = connect(gateway.http).push("pushed");
      await push.send("x", { fields: shape });
      await push.close();
    } else if (way === "GraphQL") {
      const query =
        'mutation($f: JSON) { append(streamId: "pushed", entries: [{string: "x", fields: $f}]) { error } }';
      await dataOf(gateway, query, { f: shape });
    } else {
      const query = way === "dedupe" ? "&dedupe=k" : "";
      const body = JSON.stringify([["pushed", null, "x", shape]]);
      const answer = await request(`${gateway.http}/data/pushed?format=json${query}`, {
        method: "POST",
        body,
      });
      expect(answer.status).toBe(200);
    }
    const [entry] = (await redis.control.call("XRANGE", "default:pushed", "-", "+")) as [[Buffer, Buffer[]]];
    expect(entry[1].map(String)).toEqual(["d", "x", "a", "1", "a", "2", "b", "3"]);
  });

  test("rejects a second payload and a list without values", async () => {
    for (const fields of [{ d: "y" }, { a: [] }, { a: [["1"]] }]) {
      const body = JSON.stringify([["pushed", null, "x", fields]]);
      const answer = await request(`${gateway.http}/data/pushed?format=json`, { method: "POST", body });
      expect(answer.status).toBe(400);
    }
  });
});
