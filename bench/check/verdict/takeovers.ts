/**
 * Entries lost in failovers. A replica that becomes master may lack the last writes of the old master, even acknowledged
 * ones that readers have received. Redis permits this bounded loss; all other entries are judged without them.
 */
import type { History } from "./history.ts";

/** Maximum number of entries lost in one failover: about as many as the pushers of a run have in flight. */
const MAX_LOST = 1000;

/** Returns the keys of lost entries: acknowledged or delivered to a client, and no longer stored. */
export function lostIn({ pushes, readers, streams }: History): ReadonlySet<string> {
  const stored = new Set(streams.flatMap(({ committed }) => committed.map(({ key }) => key)));
  const pushed = new Set(pushes.map(({ key }) => key));
  const lost = new Set<string>();
  for (const { key, outcome } of pushes) if (outcome && "id" in outcome && !stored.has(key)) lost.add(key);
  for (const { sessions } of readers)
    for (const { entries } of sessions)
      for (const { key } of entries) if (!stored.has(key) && pushed.has(key)) lost.add(key);
  return lost;
}

/** Returns the history without the lost entries; unchanged if more are missing than failovers explain. */
export function withoutLost(history: History): History {
  const { pushes, readers, takeovers = 0 } = history;
  const lost = takeovers === 0 ? new Set<string>() : lostIn(history);
  if (lost.size === 0 || lost.size > MAX_LOST * takeovers) return history;
  return {
    ...history,
    pushes: pushes.map((push) =>
      lost.has(push.key) ? { ...push, outcome: { code: "APPEND_UNKNOWN" } } : push,
    ),
    readers: readers.map((reader) => ({
      ...reader,
      sessions: reader.sessions.map((session) => ({
        ...session,
        entries: session.entries.filter(({ key }) => !lost.has(key)),
      })),
    })),
  };
}
