import { expect, test } from "vitest";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { gateway } = await openOwnGateway();

test("pulls an entry with the id from the push ack", async () => {
  await using push = await connectSocket(`${gateway.ws}/data/a/push?ack=1`);
  push.send("[3]");
  push.send(Buffer.from("abc"));
  const [id] = JSON.parse(await push.text());
  await using pull = await connectSocket(`${gateway.ws}/data/a/pull?last_entry_id=0`);
  expect(await pull.pair()).toEqual({ header: [["a", id, 0]], payload: Buffer.from("abc") });
});
