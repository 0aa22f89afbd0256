import { afterAll, beforeAll, expect, test } from "vitest";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

test("pulls an entry with the id from the push ack", async () => {
  await using push = await connectSocket(`${gateway.ws}/data/a/push?ack=1`);
  push.send("[3]");
  push.send(Buffer.from("abc"));
  const [id] = JSON.parse(await push.text());
  await using pull = await connectSocket(`${gateway.ws}/data/a/pull?last_entry_id=0`);
  expect(await pull.pair()).toEqual({ header: [["a", id, 0]], payload: Buffer.from("abc") });
});
