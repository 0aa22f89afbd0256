/** Pull loop shared by the pull commands, with progress and totals. */
import type { StreamEntry } from "../../client/index.ts";
import { openStreamer } from "../connection.ts";
import type { Io } from "../output/io.ts";
import { createNotices } from "../output/notices.ts";
import { createMeter } from "./meter.ts";
import type { PullFlags } from "./pull-options.ts";

/** Displays the entries of a command. */
export interface Viewer {
  /** Called for each entry. The loop awaits the promise before the next entry. */
  show(entry: StreamEntry): Promise<void> | undefined;
  /** Appended to the progress line. */
  progress(): string;
  /** Appended to the totals. */
  totals(): string;
}

/** Pulls streams and displays their entries until the count is reached or the signal aborts. @throws StreamerError */
export async function pullLoop(
  io: Io,
  streams: readonly string[],
  flags: PullFlags,
  viewer: Viewer,
): Promise<void> {
  const { terminal, signal, now } = io;
  const { url, device, prefix, fps, latest, count = Number.POSITIVE_INFINITY } = flags;
  const meter = createMeter(now);
  const notices = createNotices(io, url);
  const entries = openStreamer(flags).pull(streams, {
    device,
    prefix,
    from: flags.lastEntryId ?? flags.last_entry_id,
    latest,
    maxFps: fps,
    signal,
    onStatus: notices.onStatus,
  });
  const title = `pull ${streams.join(" ")}`;
  const hideProgress = terminal.showProgress(() => `${title}: ${meter.progress()}${viewer.progress()}`);
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
    terminal.note(`${title}: ${meter.totals()}${viewer.totals()}`);
  }
}
