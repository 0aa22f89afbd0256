/** What may happen in a run of the hand-over properties, as fast-check makes it up, and how it is made to happen. */
import fc from "fast-check";
import { FIRST_ID } from "../../src/domain/entry-id.ts";
import type { TurnOptions } from "../../src/live/turns.ts";
import type { Engine } from "../support/engine.ts";
import { startReader, type TestReader } from "../support/reader.ts";
import { turns } from "../support/until.ts";
import type { World } from "./world.ts";

export const STREAMS = 3;

/** Bounds so small that every way through the engine is taken, and the usual ones. */
export const engineOptions = fc.record({
  tail: fc.constantFrom("tracking" as const, "blocking" as const),
  recentBytes: fc.constantFrom(0, 3000, 60_000, 16 * 2 ** 20),
  pageBytes: fc.constantFrom(100, 1024, 64 * 1024),
  pageCacheBytes: fc.constantFrom(0, 5000, 32 * 2 ** 20),
});

const stream = fc.nat(STREAMS - 1);
const anyReader = fc.nat(9);
const one = <const Name extends string, T extends object>(
  weight: number,
  name: Name,
  rest: { [K in keyof T]: fc.Arbitrary<T[K]> },
) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), ...rest } as never) as fc.Arbitrary<
    { readonly do: Name } & T
  >,
});
