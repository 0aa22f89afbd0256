/**
 * A replica that takes over may lack the last moment of the master before it: those entries are gone for everybody, though they
 * were acknowledged, and some readers had them. That is Redis' doing and bounded; everything else is judged without them.
 */
import type { History } from "./history.ts";

/** Most entries that may go with one master: about all that the pushers of a run have on the way at one moment. */
const MOST_LOST = 1000;

/** What went with masters: keys of entries that somebody was told of, and that nobody has. */
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

/** The history without what went with masters; as it is where that is more than may be. */
export function withoutLost(history: History): History {
  const { pushes, readers, takeovers = 0 } = history;
  const lost = takeovers === 0 ? new Set<string>() : lostIn(history);
  if (lost.size === 0 || lost.size > MOST_LOST * takeovers) return history;
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
