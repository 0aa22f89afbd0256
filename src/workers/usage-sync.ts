/**
 * Passes on what workers tell of their clients, each time that of all others together, and takes back what a worker
 * had when it ends.
 */
import { type Counted, createNewsBox, type NewsBox, type UsageNews } from "../access/usage.ts";

/** Passes it on. */
export interface UsageSync {
  /**
   * A worker begins.
   *
   * @param tell tells it news of the others from now on
   * @returns what all others have now
   */
  join(id: number, tell: (news: UsageNews) => void): UsageNews;
  /** A worker has news. */
  receive(id: number, news: UsageNews): void;
  /** A worker has ended. */
  leave(id: number): void;
}

interface Member {
  /** What it is told next. */
  readonly box: NewsBox;
  readonly counts: Map<Counted, Map<string, number>>;
}

/** Makes the relay of a primary process. */
export function createUsageSync(): UsageSync {
  const members = new Map<number, Member>();

  function tellOthers(id: number, news: UsageNews): void {
    for (const [other, { box }] of members) if (other !== id) box.add(news);
  }

  return {
    join(id, tell) {
      const counts = [...members.values()].flatMap((member) => countsOf(member, 1));
      members.set(id, { box: createNewsBox(tell), counts: new Map() });
      return { counts, spent: [], streams: [] };
    },
    receive(id, news) {
      const member = members.get(id);
      if (member === undefined) return;
      for (const [what, name, change] of news.counts) {
        const counts = member.counts.get(what) ?? new Map<string, number>();
        member.counts.set(what, counts);
        const count = (counts.get(name) ?? 0) + change;
        if (count === 0) counts.delete(name);
        else counts.set(name, count);
      }
      tellOthers(id, news);
    },
    leave(id) {
      const member = members.get(id);
      if (member === undefined) return;
      members.delete(id);
      tellOthers(id, { counts: countsOf(member, -1), spent: [], streams: [] });
    },
  };
}

const countsOf = ({ counts }: Member, sign: 1 | -1): UsageNews["counts"] =>
  [...counts].flatMap(([what, byName]) =>
    [...byName].map(([name, count]) => [what, name, sign * count] as const),
  );
