/** Usage synchronisation: each worker learns the total usage of all running workers. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLimits } from "../../src/access/limits/limits.ts";
import { createSharedUsage, type SharedUsage } from "../../src/access/limits/usage.ts";
import { createUsageSync, type UsageSync } from "../../src/workers/usage-sync.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Member {
  readonly id: number;
  readonly usage: SharedUsage;
  readonly own: Map<string, number>;
}

let nextId = 0;
/** A worker as the primary process starts one. */
function join(relay: UsageSync): Member {
  const id = nextId++;
  const usage = createSharedUsage((news) => relay.receive(id, news));
  usage.receive(relay.join(id, usage.receive));
  return { id, usage, own: new Map() };
}

/** Waits until no worker has unsent changes. */
function settle(): void {
  while (vi.getTimerCount() > 0) vi.runOnlyPendingTimers();
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("add" as const),
    who: fc.nat(5),
    name: fc.constantFrom("a", "b"),
    change: fc.constantFrom(1, 1, -1),
  }),
  fc.record({ kind: fc.constantFrom("join" as const, "leave" as const), who: fc.nat(5) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(60) }),
);

test("gives every worker the total usage of all running workers while workers start and end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const relay = createUsageSync();
      const members = [join(relay), join(relay)];
      for (const one of steps) {
        const member = "who" in one ? members[one.who % members.length] : undefined;
        if (one.kind === "wait") vi.advanceTimersByTime(one.ms);
        else if (one.kind === "join") members.push(join(relay));
        else if (member === undefined) continue;
        else if (one.kind === "add") {
          const had = member.own.get(one.name) ?? 0;
          if (had + one.change < 0) continue;
          member.own.set(one.name, had + one.change);
          member.usage.count("address").add(one.name, one.change);
        } else {
          // Its unsent changes are lost, and it sends no more.
          members.splice(members.indexOf(member), 1);
          relay.leave(member.id);
        }
      }
      settle();
      for (const name of ["a", "b"]) {
        const sum = members.reduce((all, { own }) => all + (own.get(name) ?? 0), 0);
        for (const { usage } of members) expect(usage.count("address").of(name)).toBe(sum);
      }
    }),
  );
});

test("shares limits of connections, rates and streams among workers", () => {
  const relay = createUsageSync();
  const options = {
    maxSocketsPerAddress: 2,
    maxSocketsPerIdentity: 0,
    maxMessagesPerSecond: 10,
    maxBytesPerSecond: 0,
    maxStreamsPerIdentity: 2,
  };
  const visitor = {
    id: "x",
    address: "10.0.0.1",
    host: undefined,
    isSecure: false,
    identity: { name: "anyone", grants: [] },
  };
  const one = createLimits(options, join(relay).usage, () => 0);
  const other = createLimits(options, join(relay).usage, () => 0);
  one.addConnection(visitor.address, "anyone");
  other.addConnection(visitor.address, "anyone");
  one.useStream(visitor, "a");
  other.useStream(visitor, "b");
  expect(one.accountOf(visitor).take(10, 0)).toBe(0);
  settle();
  for (const limits of [one, other]) {
    expect(() => limits.checkConnection(visitor)).toThrow("limit of 2 connections");
    expect(() => limits.useStream(visitor, "c")).toThrow("2 streams");
    limits.useStream(visitor, "a");
  }
  // A second is spent, by the one worker as by the other.
  expect(other.accountOf(visitor).take(1, 0)).toBe(100);
  one.removeConnection(visitor.address, "anyone");
  settle();
  other.checkConnection(visitor);
});
