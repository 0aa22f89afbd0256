/** Messages of a viewer's subscription. */
import { expect, test } from "vitest";
import { type EntryId, FIRST_ID } from "../../../../src/domain/streams/entry-id.ts";
import { createMessageEncoder } from "../../../../src/transports/foxglove/subscriptions/message-encoder.ts";
import { liveChannelOf } from "../../../../src/wire/foxglove/live-channel.ts";
import { hiddenClasses } from "../../../support/node/hidden-class.ts";

const JSON_META = { contentType: "application/json" };

test("the encoders of all viewers share a hidden class, and so do their frames", () => {
  const data = Buffer.from("{}");
  const channel = liveChannelOf({ key: "default:a", meta: JSON_META, samples: [{ id: FIRST_ID, data }] });
  if (channel === undefined) throw new Error("JSON has no channel");
  const encoders = Array.from({ length: 1000 }, (_, id) => createMessageEncoder(2 * id, channel));
  expect(hiddenClasses(encoders)).toBe(1);
  const entries = [{ id: FIRST_ID, data }];
  expect(hiddenClasses(encoders.map((one) => one.encode([{ stream: "default:a", entries }])))).toBe(1);
});

test("the messages of a frame have their own times", () => {
  const entries = ["5-1", "7-2"].map((id) => ({ id: id as EntryId, data: Buffer.from("{}") }));
  const channel = liveChannelOf({ key: "default:a", meta: JSON_META, samples: entries });
  if (channel === undefined) throw new Error("JSON has no channel");
  const frame = Buffer.concat(
    createMessageEncoder(3, channel).encode([{ stream: "default:a", entries }]).parts,
  );
  const messageBytes = frame.length / 2;
  // After the header of the frame, the kind and the subscription.
  expect([frame.readBigUInt64LE(7), frame.readBigUInt64LE(messageBytes + 7)]).toEqual([
    5_000_001n,
    7_000_002n,
  ]);
});
