/** Images in a viewer whose link buffers: how many are sent ahead of other messages. */
import { expect, test } from "vitest";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { startBadNetwork } from "../../support/redis/bad-network.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

/** Images until the link is measured as fast, so that two smaller ones could be in flight. */
const PROMPT_IMAGES = 5;
const IMAGES = 20;

test("sends at most one large image into a stalled link", async () => {
  // The first bytes of a JPEG, by which it is recognized.
  const image = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(300_000)]);
  const add = async (number: number) =>
    void (await redis.control.call("XADD", "default:camera", `${number}-0`, "d", image));
  const isSeen = (viewer: TestViewer, id: number, number: number) =>
    viewer.messages.some((one) => one.subscriptionId === id && one.time === BigInt(number) * 1_000_000n);
  await add(1);
  await using network = await startBadNetwork(Number(new URL(gateway.http).port));
  await using slow = await connectViewer(`${network.url.replace("redis:", "ws:")}/foxglove`);
  await using quick = await connectViewer(`${gateway.ws}/foxglove`);
  const [slowId, quickId] = await Promise.all(
    [slow, quick].map((viewer) => viewer.subscribe("/default/camera")),
  );
  const seen = (viewer: TestViewer, id = 0, number: number) =>
    until(`image ${number} is received`, () => isSeen(viewer, id, number));
  await seen(slow, slowId, 1);
  for (let number = 2; number <= PROMPT_IMAGES; number++) {
    await add(number);
    await Promise.all([seen(slow, slowId, number), seen(quick, quickId, number)]);
  }
  network.stall();
  for (let number = PROMPT_IMAGES + 1; number <= IMAGES; number++) {
    await add(number);
    await seen(quick, quickId, number);
  }
  network.forward();
  await seen(slow, slowId, IMAGES);
  expect(slow.messages.length - PROMPT_IMAGES - 1).toBeLessThanOrEqual(1);
});
