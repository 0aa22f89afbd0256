/**
 * Usage of the client limits. If a gateway has several workers, each counts locally and sends its changes to the others
 * every 50 ms. So a limit applies to the whole gateway, a check needs no message to other workers, and a client can exceed
 * a limit only between two sync messages.
 */

/** Counters by name. */
export interface Count {
  of(name: string): number;
  add(name: string, change: number): void;
}

/** Kinds of open connections that are counted, and released when they close. */
export type Counted = "sockets" | "crowds" | "address" | "identity";

/** Changes since the last sync message. */
export interface UsageNews {
  readonly counts: readonly (readonly [what: Counted, name: string, change: number])[];
  /** Received messages and bytes, by account. */
  readonly spent: readonly (readonly [account: string, messages: number, bytes: number])[];
  /** Streams written to for the first time, by account. */
  readonly streams: readonly (readonly [account: string, stream: string])[];
}

/** Receives the changes of other workers. */
export interface UsageListener {
  spent(account: string, messages: number, bytes: number): void;
  stream(account: string, stream: string): void;
}

/** Usage of all clients. */
export interface Usage {
  /** Whether there are other workers. */
  readonly isShared: boolean;
  /** Returns a counter that includes the other workers. */
  count(what: Counted): Count;
  spend(account: string, messages: number, bytes: number): void;
  useStream(account: string, stream: string): void;
  listen(listener: UsageListener): void;
}

/** Usage that a worker shares with the other workers. */
export interface SharedUsage extends Usage {
  /** Applies a sync message of another worker. */
  receive(news: UsageNews): void;
}

/** Longest time, in ms, between a change and its sync message. */
const SYNC_INTERVAL_MS = 50;

/** Creates counters by name, which are removed when they reach 0. */
function createCount(): Count {
  const counts = new Map<string, number>();
  return {
    of: (name) => counts.get(name) ?? 0,
    add(name, change) {
      const count = (counts.get(name) ?? 0) + change;
      if (count === 0) counts.delete(name);
      else counts.set(name, count);
    },
  };
}

/** Creates the usage of a gateway with one process. */
export const createOwnUsage = (): Usage => ({
  isShared: false,
  count: createCount,
  spend: () => undefined,
  useStream: () => undefined,
  listen: () => undefined,
});

/** Collects changes and sends them together. */
export interface NewsBox {
  count(what: Counted, name: string, change: number): void;
  spend(account: string, messages: number, bytes: number): void;
  stream(account: string, stream: string): void;
  /** Adds the changes of another worker. */
  add(news: UsageNews): void;
}

/** Creates a box. @param send receives the collected changes, at most once per interval */
export function createNewsBox(send: (news: UsageNews) => void): NewsBox {
  const changes = new Map<Counted, Map<string, number>>();
  const spent = new Map<string, { messages: number; bytes: number }>();
  let streams: (readonly [string, string])[] = [];
  let isScheduled = false;

  function sendSoon(): void {
    if (isScheduled) return;
    isScheduled = true;
    setTimeout(sendNow, SYNC_INTERVAL_MS).unref();
  }

  function sendNow(): void {
    isScheduled = false;
    const news: UsageNews = {
      // A connection that opened and closed between two sync messages is not sent.
      counts: [...changes].flatMap(([what, byName]) =>
        [...byName].flatMap(([name, change]) => (change === 0 ? [] : [[what, name, change] as const])),
      ),
      spent: [...spent].map(([account, { messages, bytes }]) => [account, messages, bytes] as const),
      streams,
    };
    changes.clear();
    spent.clear();
    streams = [];
    if (news.counts.length + news.spent.length + news.streams.length > 0) send(news);
  }

  const box: NewsBox = {
    count(what, name, change) {
      const byName = changes.get(what) ?? new Map<string, number>();
      changes.set(what, byName);
      byName.set(name, (byName.get(name) ?? 0) + change);
      sendSoon();
    },
    spend(account, messages, bytes) {
      const sum = spent.get(account) ?? { messages: 0, bytes: 0 };
      spent.set(account, sum);
      sum.messages += messages;
      sum.bytes += bytes;
      sendSoon();
    },
    stream(account, stream) {
      streams.push([account, stream]);
      sendSoon();
    },
    add(news) {
      for (const one of news.counts) box.count(...one);
      for (const one of news.spent) box.spend(...one);
      for (const one of news.streams) box.stream(...one);
    },
  };
  return box;
}

/** Creates the usage of one worker. @param send sends changes to the others */
export function createSharedUsage(send: (news: UsageNews) => void): SharedUsage {
  const counts = new Map<Counted, Count>();
  const listeners: UsageListener[] = [];
  const box = createNewsBox(send);

  function countOf(what: Counted): Count {
    const count = counts.get(what) ?? createCount();
    counts.set(what, count);
    return count;
  }

  return {
    isShared: true,
    count(what) {
      const all = countOf(what);
      return {
        of: all.of,
        add(name, change) {
          all.add(name, change);
          box.count(what, name, change);
        },
      };
    },
    spend: box.spend,
    useStream: box.stream,
    listen: (listener) => listeners.push(listener),
    receive(news) {
      for (const [what, name, change] of news.counts) countOf(what).add(name, change);
      for (const listener of listeners) {
        for (const [account, messages, bytes] of news.spent) listener.spent(account, messages, bytes);
        for (const [account, stream] of news.streams) listener.stream(account, stream);
      }
    },
  };
}
