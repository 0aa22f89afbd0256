/** Notices by their lengths that entries of streams were removed: what was read in vain and is shorter was not trimmed by what was added. */
import type { OnTailRemoval } from "./tail.ts";

/** The lengths that streams had. */
export interface RemovalWatch {
  /** A read was answered. @param length how many entries the stream had right before @param isRead whether the read brought some */
  note(key: string, length: number, isRead: boolean): void;
  /** Entries have come that were not read: the length is at most so much more, as it may have been trimmed. */
  grow(key: string, entries: number): void;
  forget(key: string): void;
}

/** Makes the watch of one tail. */
export function createRemovalWatch(onRemoval: OnTailRemoval | undefined): RemovalWatch {
  const lengths = new Map<string, number>();
  const before = (key: string) => lengths.get(key) ?? 0;
  return {
    note(key, length, isRead) {
      const isShorter = length < before(key);
      lengths.set(key, length);
      if (!isRead && (length === 0 || isShorter)) onRemoval?.(key);
    },
    grow: (key, entries) => void lengths.set(key, before(key) + entries),
    forget: (key) => void lengths.delete(key),
  };
}
