import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { importMasked, type MaskingKind } from "../../../support/node/masking.ts";

type Masking = typeof import("../../../../src/transports/websocket-protocol/frames/masking.ts");

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Unaligned sizes around the threshold of the native code.
const bytes = fc.uint8Array({ maxLength: 200 });
const expected = (payload: Uint8Array, key: Uint8Array) => payload.map((byte, i) => byte ^ (key[i % 4] ?? 0));

describe.each<MaskingKind>(["natively", "in JavaScript"])("unmasked %s", (kind) => {
  let masking: Masking;
  beforeAll(async () => {
    masking = await importMasked(
      kind,
      () => import("../../../../src/transports/websocket-protocol/frames/masking.ts"),
    );
  });

  test("unmasks the example of RFC 6455, section 5.7", () => {
    const hello = Buffer.from([0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    masking.unmaskInPlace(hello, Buffer.from([0x37, 0xfa, 0x21, 0x3d]));
    expect(hello.toString()).toBe("Hello");
  });

  test("unmasks bytes in place, and none around them", () => {
    fc.assert(
      fc.property(bytes, mask, fc.nat(8), (payload, key, before) => {
        const memory = Buffer.alloc(before + payload.length + 8, 0xee);
        memory.set(payload, before);
        masking.unmaskInPlace(memory.subarray(before, before + payload.length), key);
        expect([...memory.subarray(before, before + payload.length)]).toEqual([...expected(payload, key)]);
        expect(memory.subarray(0, before).every((byte) => byte === 0xee)).toBe(true);
        expect(memory.subarray(before + payload.length).every((byte) => byte === 0xee)).toBe(true);
      }),
    );
  });

  test("copies unmasked bytes, without changes to the source and to other bytes of the target", () => {
    fc.assert(
      fc.property(bytes, mask, fc.nat(8), (payload, key, at) => {
        const target = Buffer.alloc(at + payload.length + 8, 0xee);
        const source = Buffer.from(payload);
        masking.unmaskInto(source, key, target, at);
        expect([...target.subarray(at, at + payload.length)]).toEqual([...expected(payload, key)]);
        expect(target.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
        expect(target.subarray(at + payload.length).every((byte) => byte === 0xee)).toBe(true);
        expect([...source]).toEqual([...payload]);
      }),
    );
  });
});
