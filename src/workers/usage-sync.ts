/** Usage synchronisation: forwards usage changes of each worker to the others, and reverts those of a worker that ends. */
import { type Counted, createNewsBox, type NewsBox, type UsageNews } from "../access/limits/usage.ts";

/** Usage synchronisation of the primary process. */
export interface UsageSync {
  /**
   * Adds a worker.
   *
   * @param send sends it usage changes of the others
   * @returns current usage of all others
   */
  join(id: number, send: (news: UsageNews) => void): UsageNews;
  /** Receives usage changes of a worker. */
  receive(id: number, news: UsageNews): void;
  /** Removes a worker that has ended. */
  leave(id: number): void;
}

interface Member {
  /** Changes to send to it next. */
  readonly box: NewsBox;
  readonly counts: Map<Counted, Map<string, number>>;
}

/** Creates the synchronisation. */
export function createUsageSync(): UsageSync {
  const members = new Map<number, Member>();

  function sendToOthers(id: number, news: UsageNews): void {
    for (const [other, { box }] of members) if (other !== id) box.add(news);
  }

  return {
    join(id, send) {
      const counts = [...members.values()].flatMap((member) => countsOf(member, 1));
      members.set(id, { box: createNewsBox(send), counts: new Map() });
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
      sendToOthers(id, news);
    },
    leave(id) {
      const member = members.get(id);
      if (member === undefined) return;
      members.delete(id);
      sendToOthers(id, { counts: countsOf(member, -1), spent: [], streams: [] });
    },
  };
}

const countsOf = ({ counts }: Member, sign: 1 | -1): UsageNews["counts"] =>
  [...counts].flatMap(([what, byName]) =>
    [...byName].map(([name, count]) => [what, name, sign * count] as const),
  );
