/** A push with `dedupe`: entries in flight when a connection breaks are sent again, and stored once. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../../client/index.ts";
import { type BadNetwork, startBadNetwork } from "../../support/redis/bad-network.ts";
import { type ClientSetup, startClientSetup } from "../client-setup.ts";

let setup: ClientSetup;
let network: BadNetwork;

beforeAll(async () => {
  setup = await startClientSetup();
  network = await startBadNetwork(Number(new URL(setup.gateway.http).port));
});
afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await setup[Symbol.asyncDispose]();
});

/** The payloads of a stream by id. */
async function stored(key: string): Promise<ReadonlyMap<string, string>> {
  const entries = (await setup.redis.control.call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
  return new Map(entries.map(([id, fields]) => [String(id), String(fields[1])]));
}

describe("a push with dedupe", () => {
  it("stores each entry once over connections that break, and reports its id", async () => {
    const url = network.url.replace(/^\w+:/, "http:");
    const push = connect(url, { backoff: { firstMs: 1, maxMs: 5 } }).push("s", { dedupe: "test" });
    const sent: Promise<string | undefined>[] = [];
    for (let i = 0; i < 900; i++) {
      sent.push(push.send(String(i)));
      if (i % 20 === 0) await nextTurn();
      if (i % 150 === 149) {
        await sent[i - 100];
        network.cut();
      }
    }
    const ids = await Promise.all(sent);
    await push.close();
    const entries = await stored("default:s");
    expect(entries.size).toBe(900);
    expect(ids.map((id) => entries.get(id ?? ""))).toEqual(sent.map((_, i) => String(i)));
  });

  it("stores nothing again that is repeated with the same numbers", async () => {
    const send = async (payloads: readonly string[], dedupeFrom: number) => {
      const push = setup.streamer.push("again", { dedupe: "replay", dedupeFrom });
      const ids = await push.sendAll(payloads);
      await push.close();
      return ids;
    };
    const first = await send(["a", "b", "c"], 10);
    expect(await send(["b", "c", "d"], 11)).toEqual([first[1], first[2], expect.any(String)]);
    expect([...(await stored("default:again")).values()]).toEqual(["a", "b", "c", "d"]);
  });

  it("requires acknowledgements", () => {
    expect(() => setup.streamer.push("s", { dedupe: "x", ack: false })).toThrow("dedupe requires ack");
  });
});
