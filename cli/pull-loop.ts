/** Pulling until told to stop, with progress and totals: what the commands that pull have in common. */
import type { StreamEntry, Streamer } from "../client/index.ts";
import type { PullFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { createMeter } from "./meter.ts";
import { createNotices } from "./notices.ts";

/** What a command does with the entries. */
export interface Viewer {
  /** Called for each entry; the next one waits for the promise. */
  show(entry: StreamEntry): Promise<void> | undefined;
  /** What to add to the progress line. */
  progress(): string;
  /** What to add to the totals. */
  totals(): string;
}

/** Pulls streams and shows their entries until it was enough or the signal comes. @throws StreamerError */
export async function pullLoop(
  io: Io,
  streamer: Streamer,
  stream: string,
  flags: PullFlags,
  viewer: Viewer,
): Promise<void> {
  const { terminal, signal, now } = io;
  const { url, device, prefix, fps, latest, count = Number.POSITIVE_INFINITY } = flags;
  const meter = createMeter(now);
  const notices = createNotices(io, url);
  const entries = streamer.pull(stream, {
    device,
    prefix,
    from: flags.lastEntryId ?? flags.last_entry_id,
    latest,
    maxFps: fps,
    signal,
    onStatus: notices.onStatus,
  });
  const hideProgress = terminal.showProgress(() => `pull ${stream}: ${meter.progress()}${viewer.progress()}`);
  try {
    for await (const entry of entries) {
      meter.add(entry.data.length);
      const slow = viewer.show(entry);
      if (slow !== undefined) await slow;
      if (meter.messages >= count) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    hideProgress();
    terminal.note(`pull ${stream}: ${meter.totals()}${viewer.totals()}`);
  }
}
