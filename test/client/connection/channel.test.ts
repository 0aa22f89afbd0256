import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Channel, createChannel } from "../../../client/connection/channel.ts";

function makeChannel(highBytes: number, capBytes: number) {
  const requested: ("pause" | "resume")[] = [];
  const channel = createChannel<number>({
    highBytes,
    capBytes,
    onFull: () => requested.push("pause"),
    onDrained: () => requested.push("resume"),
  });
  return { channel, requested };
}

async function drain(channel: Channel<number>): Promise<number[]> {
  const items: number[] = [];
  for (let item = await channel.take(); item !== undefined; item = await channel.take()) items.push(item);
  return items;
}

describe("a channel", () => {
  test("requests a pause at the high-water mark and a resume at half of it", async () => {
    const { channel, requested } = makeChannel(100, 200);
    channel.offer(1, 60);
    expect(requested).toEqual([]);
    channel.offer(2, 40);
    expect(requested).toEqual(["pause"]);
    expect(channel.full).toBe(true);
    channel.offer(3, 11);
    await channel.take();
    expect(channel.bytes).toBe(51);
    expect(requested).toEqual(["pause"]);
    await channel.take();
    expect(requested).toEqual(["pause", "resume"]);
    expect(channel.full).toBe(false);
  });

  test("rejects items over the cap, and accepts them when there is room", async () => {
    const { channel } = makeChannel(100, 200);
    expect(channel.offer(1, 150)).toBe(true);
    expect(channel.offer(2, 51)).toBe(false);
    expect(channel.offer(3, 50)).toBe(true);
    await channel.take();
    expect(channel.offer(2, 51)).toBe(true);
    channel.end();
    expect(await drain(channel)).toEqual([3, 2]);
  });

  test("accepts one item larger than the cap while it is empty", async () => {
    const { channel, requested } = makeChannel(100, 200);
    expect(channel.offer(1, 5000)).toBe(true);
    expect(requested).toEqual(["pause"]);
    expect(await channel.take()).toBe(1);
    expect(requested).toEqual(["pause", "resume"]);
  });

  test("passes an item directly to a waiting reader", async () => {
    const { channel, requested } = makeChannel(10, 20);
    const taken = channel.take();
    expect(channel.offer(7, 1000)).toBe(true);
    expect(await taken).toBe(7);
    expect(channel.bytes).toBe(0);
    expect(requested).toEqual([]);
  });

  test("ends after all items were taken, with the first error passed", async () => {
    const { channel } = makeChannel(100, 200);
    channel.offer(1, 1);
    channel.end(new Error("first"));
    channel.end(new Error("second"));
    expect(channel.offer(2, 1)).toBe(false);
    expect(await channel.take()).toBe(1);
    await expect(channel.take()).rejects.toThrow("first");
    await expect(channel.take()).rejects.toThrow("first");
  });

  test("ends a waiting reader", async () => {
    const { channel } = makeChannel(100, 200);
    const taken = channel.take();
    channel.end();
    expect(await taken).toBeUndefined();
    const { channel: failing } = makeChannel(100, 200);
    const failed = failing.take();
    failing.end(new Error("gone"));
    await expect(failed).rejects.toThrow("gone");
  });

  test("property: keeps every accepted item in order, stays under the cap, alternates pause and resume", async () => {
    const step = fc.oneof(fc.nat({ max: 120 }), fc.constant("take" as const));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        fc.array(step, { maxLength: 200 }),
        async (highBytes, slack, steps) => {
          const capBytes = highBytes + slack;
          const { channel, requested } = makeChannel(highBytes, capBytes);
          const accepted: number[] = [];
          const taken: (number | undefined)[] = [];
          let number = 0;
          for (const next of steps) {
            if (next === "take") {
              if (channel.size > 0) taken.push(await channel.take());
            } else {
              const held = channel.bytes;
              const fits = channel.size === 0 || held + next <= capBytes;
              expect(channel.offer(number, next)).toBe(fits);
              if (fits) accepted.push(number);
              number++;
            }
            if (channel.size > 1) expect(channel.bytes).toBeLessThanOrEqual(capBytes);
            if (channel.bytes >= highBytes) expect(channel.full).toBe(true);
            if (channel.bytes <= highBytes / 2) expect(channel.full).toBe(false);
            expect(requested.at(-1) === "pause").toBe(channel.full);
          }
          channel.end();
          expect([...taken, ...(await drain(channel))]).toEqual(accepted);
          expect(channel.bytes).toBe(0);
          requested.forEach((one, index) => {
            expect(one).toBe(index % 2 === 0 ? "pause" : "resume");
          });
        },
      ),
    );
  });
});
