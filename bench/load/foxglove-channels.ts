/** Streams that viewers of Foxglove show as channels. */
import type { Entry } from "../../src/domain/streams/entry.ts";
import { liveChannelOf } from "../../src/wire/foxglove/live-channel.ts";
import type { Redis } from "./processes/redis.ts";

/** Metadata of a stream of images. */
export const IMAGES = { contentType: "image/jpeg" };

/** Metadata of a stream of JSON objects. Its schema is declared, so that the id of its channel is known. */
export const SAMPLES = {
  contentType: "application/json",
  schema: { name: "Sample", encoding: "jsonschema", data: '{"type":"object"}' },
};

/** An entry of such a stream, of about 100 bytes. */
export const SAMPLE = Buffer.from(
  JSON.stringify({ x: 0.123456789, y: -1.23456789, z: 9.80665, frame: "base_link", sequence: 123456789 }),
);

/** Declares a stream and adds its first entry, so that it is advertised. @returns the id of its channel */
export async function declareChannel(redis: Redis, stream: string, meta: object): Promise<number> {
  const key = `default:${stream}`;
  await redis.command("SET", `:stream:meta:${key}`, JSON.stringify(meta));
  await redis.command("XADD", key, "*", "d", "{}");
  const samples: readonly Entry[] = [];
  const channel = liveChannelOf({ key, meta, samples });
  if (channel === undefined) throw new Error(`${key} has no channel`);
  return channel.id;
}
