/**
 * What clients use of their limits. Where several workers make up one gateway, each keeps what it sees, and tells the
 * others what has changed some times a second: so a limit is one of the whole, looking costs no question to anybody,
 * and what a client may have beyond it is what it can get hold of between two tellings.
 */

/** Numbers by name. */
export interface Count {
  of(name: string): number;
  add(name: string, change: number): void;
}

/** What is counted: what is there now, and is given back when it goes. */
export type Counted = "sockets" | "crowds" | "address" | "identity";

/** What has changed since the last telling. */
export interface UsageNews {
  readonly counts: readonly (readonly [what: Counted, name: string, change: number])[];
  /** Messages and bytes that came in, by account. */
  readonly spent: readonly (readonly [account: string, messages: number, bytes: number])[];
  /** Streams that were written to for the first time, by account. */
  readonly streams: readonly (readonly [account: string, stream: string])[];
}

/** What is done with what others tell. */
export interface UsageListener {
  spent(account: string, messages: number, bytes: number): void;
  stream(account: string, stream: string): void;
}

/** Keeps it. */
export interface Usage {
  /** Whether there are others. */
  readonly isShared: boolean;
  /** A count of which others' parts are known too. */
  count(what: Counted): Count;
  spend(account: string, messages: number, bytes: number): void;
  useStream(account: string, stream: string): void;
  listen(listener: UsageListener): void;
}

/** The usage that one worker shares with others. */
export interface SharedUsage extends Usage {
  /** Takes in what another one tells. */
  hear(news: UsageNews): void;
}

/** Longest time (ms) between a change and its telling. */
const TELL_EVERY_MS = 50;

/** Counts by name, of which those at 0 take no room. */
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

/** The usage of a gateway that is one process. */
export const createOwnUsage = (): Usage => ({
  isShared: false,
  count: createCount,
  spend: () => undefined,
  useStream: () => undefined,
  listen: () => undefined,
});

/** Gathers news and tells them together. */
export interface NewsBox {
  count(what: Counted, name: string, change: number): void;
  spend(account: string, messages: number, bytes: number): void;
  stream(account: string, stream: string): void;
  /** Puts in what another one told. */
  add(news: UsageNews): void;
}

/** Makes a box. @param tell is given what has gathered, some times a second */
export function createNewsBox(tell: (news: UsageNews) => void): NewsBox {
  const changes = new Map<Counted, Map<string, number>>();
  const spent = new Map<string, { messages: number; bytes: number }>();
  let streams: (readonly [string, string])[] = [];
  let isTelling = false;

  function tellSoon(): void {
    if (isTelling) return;
    isTelling = true;
    setTimeout(tellNow, TELL_EVERY_MS).unref();
  }

  function tellNow(): void {
    isTelling = false;
    const news: UsageNews = {
      // A connection that came and went between two tellings is no news.
      counts: [...changes].flatMap(([what, byName]) =>
        [...byName].flatMap(([name, change]) => (change === 0 ? [] : [[what, name, change] as const])),
      ),
      spent: [...spent].map(([account, { messages, bytes }]) => [account, messages, bytes] as const),
      streams,
    };
    changes.clear();
    spent.clear();
    streams = [];
    if (news.counts.length + news.spent.length + news.streams.length > 0) tell(news);
  }

  const box: NewsBox = {
    count(what, name, change) {
      const byName = changes.get(what) ?? new Map<string, number>();
      changes.set(what, byName);
      byName.set(name, (byName.get(name) ?? 0) + change);
      tellSoon();
    },
    spend(account, messages, bytes) {
      const sum = spent.get(account) ?? { messages: 0, bytes: 0 };
      spent.set(account, sum);
      sum.messages += messages;
      sum.bytes += bytes;
      tellSoon();
    },
    stream(account, stream) {
      streams.push([account, stream]);
      tellSoon();
    },
    add(news) {
      for (const one of news.counts) box.count(...one);
      for (const one of news.spent) box.spend(...one);
      for (const one of news.streams) box.stream(...one);
    },
  };
  return box;
}

/** Makes the usage of one worker. @param tell sends news to the others */
export function createSharedUsage(tell: (news: UsageNews) => void): SharedUsage {
  const counts = new Map<Counted, Count>();
  const listeners: UsageListener[] = [];
  const box = createNewsBox(tell);

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
    hear(news) {
      for (const [what, name, change] of news.counts) countOf(what).add(name, change);
      for (const listener of listeners) {
        for (const [account, messages, bytes] of news.spent) listener.spent(account, messages, bytes);
        for (const [account, stream] of news.streams) listener.stream(account, stream);
      }
    },
  };
}
