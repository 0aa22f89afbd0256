/** Streams without entries are examined until they have some. */
import { expect, test } from "vitest";
import { Advertisements } from "../../../../src/transports/foxglove/channels/advertisements.ts";
import type {
  Channels,
  ExaminedStream,
} from "../../../../src/transports/foxglove/channels/channel-catalog.ts";
import { SchemaMemory } from "../../../../src/transports/foxglove/channels/schema-memory.ts";
import { ViewerChannels } from "../../../../src/transports/foxglove/channels/viewer-channels.ts";
import { Statuses } from "../../../../src/transports/foxglove/statuses.ts";
import { liveChannelOf } from "../../../../src/wire/foxglove/live-channel.ts";
import { until } from "../../../support/until.ts";

test("a stream of a consumer group is advertised once it has an entry", async () => {
  const sample = { id: "1-1", data: Buffer.from('{"x": 1}') } as never;
  const channel = liveChannelOf({ key: "a:b", meta: undefined, samples: [sample] });
  const examined: string[][] = [];
  let isEmpty = true;
  const changed: string[] = [];
  const advertisements = new Advertisements({
    onChange: () => void changed.push("changed"),
    onWithdrawn: () => undefined,
  });
  const set: unknown[] = [];
  advertisements.set = (_key, found) => void set.push(found?.topic);
  const channels = new ViewerChannels({
    catalog: {
      watch: async () => () => undefined,
      forget: () => undefined,
      async channels(streams: readonly ExaminedStream[]): Promise<Channels> {
        examined.push(streams.map(({ key }) => key));
        return new Map(streams.map(({ key }) => [key, { channel: isEmpty ? "empty" : channel }]));
      },
    },
    advertisements,
    statuses: new Statuses(() => expect.fail("an empty stream is no problem")),
    client: "",
    schemas: new SchemaMemory({
      tryGrow: () => false,
      set: () => undefined,
      bytes: () => 0,
      release: () => undefined,
    }),
    onError: (error) => expect.fail(String(error)),
    recheckMs: 1,
  });
  await channels.open();
  channels.add("a:b", undefined);
  await until("it was examined again", () => examined.length > 2);
  expect(new Set(set)).toEqual(new Set([undefined]));
  isEmpty = false;
  await until("it is advertised", () => set.at(-1) === "/a/b");
  const before = examined.length;
  channels.add("a:c", undefined);
  await channels.settle();
  expect(examined.slice(before)).toEqual([["a:c"]]);
  channels.close();
});

test("a stream that is removed while its metadata is read keeps no memory", async () => {
  let held = 0;
  let admitted: boolean | undefined;
  const channels = new ViewerChannels({
    catalog: {
      watch: async () => () => undefined,
      forget: () => undefined,
      async channels(_streams, { admit }): Promise<Channels> {
        channels.remove("a:b");
        admitted = admit(100_000, "a:b");
        return new Map();
      },
    },
    advertisements: new Advertisements({ onChange: () => undefined, onWithdrawn: () => undefined }),
    statuses: new Statuses(() => undefined),
    client: "",
    schemas: new SchemaMemory({
      tryGrow(bytes) {
        held += bytes;
        return true;
      },
      set(bytes) {
        held = bytes;
      },
      bytes: () => held,
      release: () => undefined,
    }),
    onError: (error) => expect.fail(String(error)),
  });
  channels.add("a:b", undefined);
  await channels.settle();
  expect([admitted, held]).toEqual([false, 0]);
  channels.close();
});
