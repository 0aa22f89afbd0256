import { afterEach, describe, expect, test } from "vitest";
import {
  releaseChunk,
  releaseMemory,
} from "../../../../src/transports/websocket-protocol/memory/release-memory.ts";

type Transferable = ArrayBuffer & { transfer?: (bytes: number) => ArrayBuffer };

const prototype = ArrayBuffer.prototype as Transferable;
const own = Object.getOwnPropertyDescriptor(prototype, "transfer");

afterEach(() => {
  if (own === undefined) delete prototype.transfer;
  else Object.defineProperty(prototype, "transfer", own);
});

describe.each(["on this version of Node", "on Node 20"])("%s", (runtime) => {
  const release = (chunk: Buffer) => {
    if (runtime === "on Node 20") delete prototype.transfer;
    releaseMemory(chunk);
  };

  test("empties a chunk that owns its buffer, and all its views", () => {
    const chunk = Buffer.allocUnsafeSlow(64 * 1024);
    const part = chunk.subarray(10, 20);
    const memory = chunk.buffer;
    release(chunk);
    expect([chunk.length, part.length, memory.byteLength]).toEqual([0, 0, 0]);
  });

  test("does not release a chunk that is a part of a larger buffer", () => {
    const memory = Buffer.allocUnsafeSlow(64 * 1024).fill("x");
    release(memory.subarray(0, 64 * 1024 - 1));
    release(memory.subarray(1));
    release(Buffer.from("small ones lie in memory that all share"));
    expect(memory.length).toBe(64 * 1024);
    expect(memory.every((byte) => byte === 120)).toBe(true);
  });

  test("does not leak memory over thousands of chunks", () => {
    release(Buffer.allocUnsafeSlow(64 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 5000; i++) release(Buffer.allocUnsafeSlow(64 * 1024));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
  });
});

test("a small chunk is left to the garbage collector", () => {
  const [small, large] = [16 * 1024 - 1, 16 * 1024].map((bytes) => Buffer.allocUnsafeSlow(bytes));
  for (const chunk of [small, large]) if (chunk !== undefined) releaseChunk(chunk);
  expect([small?.length, large?.length]).toEqual([16 * 1024 - 1, 0]);
});
