/** Messages of a viewer's subscription. */
import { expect, test } from "vitest";
import { FIRST_ID } from "../../../../src/domain/streams/entry-id.ts";
import { createMessageEncoder } from "../../../../src/transports/foxglove/subscriptions/message-encoder.ts";
import { liveChannelOf } from "../../../../src/wire/foxglove/live-channel.ts";
import { hiddenClasses } from "../../../support/node/hidden-class.ts";

test("the encoders of all viewers share a hidden class, and so do their frames", () => {
  const meta = { contentType: "application/json" };
  const data = Buffer.from("{}");
  const channel = liveChannelOf({ key: "default:a", meta, samples: [{ id: FIRST_ID, data }] });
  if (channel === undefined) throw new Error("JSON has no channel");
  const encoders = Array.from({ length: 1000 }, (_, id) => createMessageEncoder(2 * id, channel));
  expect(hiddenClasses(encoders)).toBe(1);
  const entries = [{ id: FIRST_ID, data }];
  expect(hiddenClasses(encoders.map((one) => one.encode([{ stream: "default:a", entries }])))).toBe(1);
});
