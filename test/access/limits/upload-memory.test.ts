import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { reservationOf, type Upload, Uploads } from "../../../src/access/limits/upload-memory.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

describe("the reservation of an upload", () => {
  test("follows what was received, not what was announced", () => {
    expect(reservationOf(1, 60 * MIB, 256 * KIB)).toBe(256 * KIB);
    expect(reservationOf(MIB, 60 * MIB, 256 * KIB)).toBe(7 * MIB);
  });

  test("ends with the upload", () => {
    expect(reservationOf(MIB, 2 * MIB, 256 * KIB)).toBe(MIB);
    expect(reservationOf(MIB, MIB, 256 * KIB)).toBe(0);
    expect(reservationOf(2 * MIB, MIB, 256 * KIB)).toBe(0);
  });

  test("reaches the maximum message size in a few steps", () => {
    let received = 64 * KIB;
    let steps = 0;
    for (; received < 64 * MIB; steps++) received += reservationOf(received, 64 * MIB, 256 * KIB);
    expect(steps).toBe(4);
  });
});

describe("an upload that reserves memory", () => {
  let isShort: boolean;
  let stalled: number;
  let ended: string[];
  let uploads: Uploads;

  beforeEach(() => {
    vi.useFakeTimers();
    isShort = true;
    stalled = 0;
    ended = [];
    uploads = new Uploads(
      () => isShort,
      () => stalled++,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  interface State {
    received: number;
    reserved: number;
    isPaused: boolean;
  }

  function watch(name: string, state: State): Upload {
    const upload = {
      receivedBytes: () => state.received,
      reservedBytes: () => state.reserved,
      isPaused: () => state.isPaused,
      end: () => ended.push(name),
    };
    uploads.watch(upload);
    return upload;
  }

  const checks = (count: number) => vi.advanceTimersByTime(count * 1000);
  const large = (): State => ({ received: MIB, reserved: 32 * MIB, isPaused: false });

  test("is ended once after five checks without progress", () => {
    watch("stalled", large());
    checks(4);
    expect(ended).toEqual([]);
    checks(1);
    expect(ended).toEqual(["stalled"]);
    checks(100);
    expect(ended).toEqual(["stalled"]);
    expect(stalled).toBe(1);
  });

  test("is ended if it only drips", () => {
    const state = large();
    watch("dripping", state);
    for (let i = 0; i < 5; i++) {
      state.received += MIB / 5 - 1;
      checks(1);
    }
    expect(ended).toEqual(["dripping"]);
  });

  test("continues if it receives a 32nd of it within five checks", () => {
    const state = large();
    watch("slow", state);
    for (let i = 0; i < 30; i++) {
      checks(4);
      state.received += MIB;
      checks(1);
    }
    expect(ended).toEqual([]);
  });

  test("continues while nothing waits for memory, and is ended when something does", () => {
    isShort = false;
    watch("stalled", large());
    checks(100);
    expect(ended).toEqual([]);
    isShort = true;
    checks(1);
    expect(ended).toEqual(["stalled"]);
  });

  test("continues while the gateway does not read it", () => {
    const state = { ...large(), isPaused: true };
    watch("paused", state);
    checks(100);
    state.isPaused = false;
    checks(4);
    expect(ended).toEqual([]);
    checks(1);
    expect(ended).toEqual(["paused"]);
  });

  test("continues if it reserves little", () => {
    watch("small", { ...large(), reserved: 256 * KIB - 1 });
    watch("large", { ...large(), reserved: 256 * KIB });
    checks(5);
    expect(ended).toEqual(["large"]);
  });

  test("is not ended after it was forgotten, and counts from zero if it is watched again", () => {
    const upload = watch("complete", large());
    checks(4);
    uploads.forget(upload);
    checks(5);
    uploads.watch(upload);
    checks(4);
    expect(ended).toEqual([]);
    checks(1);
    expect(ended).toEqual(["complete"]);
  });

  test("has a timer only while any is watched", () => {
    expect(vi.getTimerCount()).toBe(0);
    const upload = watch("complete", large());
    expect(vi.getTimerCount()).toBe(1);
    uploads.forget(upload);
    checks(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
