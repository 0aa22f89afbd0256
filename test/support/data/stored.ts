/** Entries of a stream as Redis has them. */
import type { TestRedis } from "../redis/redis.ts";

/** Returns the fields of the entries of a stream, in order, without their ids; bytes as Latin-1. */
export async function fieldsIn({ control }: TestRedis, key: string): Promise<readonly (readonly string[])[]> {
  const reply = (await control.call("XRANGE", key, "-", "+")) as unknown as readonly (readonly [
    id: Buffer,
    fields: readonly Buffer[],
  ])[];
  return reply.map(([, fields]) => fields.map((one) => one.toString("latin1")));
}
