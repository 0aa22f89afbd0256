/** Operations that a client completes before they have begun. */
import { expect, test } from "vitest";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway } from "../../../support/gateway/gateway.ts";
import { startBadNetwork } from "../../../support/redis/bad-network.ts";
import { startRedis } from "../../../support/redis/redis.ts";

const MOST = 10;

const ping = (socket: TestSocket): void => socket.send('{"type":"ping"}');
const typeOf = async (socket: TestSocket): Promise<string> => JSON.parse(await socket.text()).type;

test("a connection is not read while more operations wait for Redis than it may have", async () => {
  await using redis = await startRedis();
  await using network = await startBadNetwork(redis.port);
  await using gateway = await startTestGateway(network.url, { GRAPHQL_MAX_OPERATIONS: `${MOST}` });
  const open = async () => {
    const socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    socket.send('{"type":"connection_init"}');
    expect(await typeOf(socket)).toBe("connection_ack");
    return socket;
  };
  await using hostile = await open();
  await using other = await open();
  network.stall();
  const query = 'subscription{data(streamIds:["a"]){time}}';
  for (let id = 0; id <= MOST; id++) {
    hostile.send(JSON.stringify({ id: `${id}`, type: "subscribe", payload: { query } }));
    hostile.send(JSON.stringify({ id: `${id}`, type: "complete" }));
  }
  let answers = 0;
  hostile.raw.on("message", () => answers++);
  // Reads that are under way when the limit is reached are handled.
  for (let i = 0; i < 3; i++) {
    ping(other);
    expect(await typeOf(other)).toBe("pong");
  }
  ping(hostile);
  for (let i = 0; i < 3; i++) {
    ping(other);
    expect(await typeOf(other)).toBe("pong");
  }
  expect(answers).toBe(0);
  network.forward();
  expect(await typeOf(hostile)).toBe("pong");
});
