/** Time at which the declarations of a connection are stored; `test/transports/all-routes/entries/declarations.test.ts` tests them on a gateway. */
import { expect, test } from "vitest";
import { GatewayError } from "../../../../src/domain/errors.ts";
import type { AppendResult } from "../../../../src/redis/append/appender.ts";
import {
  createConnectionDeclarations,
  type RequestedDeclaration,
} from "../../../../src/transports/request/append/declarations.ts";

const REQUESTED: RequestedDeclaration = { members: { contentType: "text/csv" }, replaces: true };
const rejected = new GatewayError("REDIS_FULL", "Redis is full");
const stored = "1-0" as AppendResult;
const entriesOf = (keys: readonly string[]) => keys.map((key) => ({ key, id: "*", data: new Uint8Array() }));

/** A connection whose declarations are stored when the test resolves them. */
function connection() {
  const declared: string[] = [];
  const warnings: string[] = [];
  const waiting: ((warning: string | undefined) => void)[] = [];
  const declarations = createConnectionDeclarations(
    REQUESTED,
    {
      declare(key, requested) {
        expect(requested).toBe(REQUESTED);
        declared.push(key);
        return new Promise((resolve) => waiting.push(resolve));
      },
      knowsType: () => false,
      forget: () => undefined,
    },
    (text) => warnings.push(text),
  );
  return { declarations, declared, warnings, waiting };
}

test("ends a batch after its streams are declared, and other batches at once", async () => {
  const { declarations, declared, waiting, warnings } = connection();
  declarations.use("a");
  declarations.use("b");
  let isDone = false;
  const ended = new Promise<void>((resolve) => {
    declarations.before(entriesOf(["a", "b", "a"]), () => {
      isDone = true;
      resolve();
    })([stored, stored, stored], false);
  });
  expect([declared, isDone]).toEqual([["a", "b"], false]);
  let isNextDone = false;
  declarations.before(entriesOf(["a"]), () => {
    isNextDone = true;
  })([stored], false);
  expect([declared, isNextDone, isDone]).toEqual([["a", "b"], true, false]);
  for (const resolve of waiting) resolve("not stored");
  await ended;
  expect(warnings).toEqual(["not stored", "not stored"]);
});

test("declares a stream once, also if it is registered again after a renewed token", () => {
  const { declarations, declared } = connection();
  for (let i = 0; i < 2; i++) {
    declarations.use("a");
    declarations.before(entriesOf(["a"]), () => undefined)([stored], false);
  }
  expect(declared).toEqual(["a"]);
});

test("declares a stream with its first stored entry, not with a rejected one", () => {
  const { declarations, declared } = connection();
  declarations.use("a");
  const results: unknown[] = [];
  declarations.before(entriesOf(["a"]), (...given) => results.push(given))([rejected], true);
  expect([declared, results]).toEqual([[], [[[rejected], true]]]);
  declarations.before(entriesOf(["a"]), () => undefined)([stored], false);
  expect(declared).toEqual(["a"]);
});
