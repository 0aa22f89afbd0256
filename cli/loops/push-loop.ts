/** Push loop shared by the push commands, with a rate limit, progress and totals. */
import { type SendOptions, StreamerError } from "../../client/index.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { openStreamer } from "../connection.ts";
import type { Io } from "../output/io.ts";
import { createNotices } from "../output/notices.ts";
import { countText } from "../output/quantities.ts";
import { createMeter } from "./meter.ts";
import type { PushFlags } from "./push-options.ts";
import { createSchedule } from "./schedule.ts";

/** One entry to push. */
export interface Produced {
  readonly data: Uint8Array | string;
  readonly options?: SendOptions;
}

/** Time to wait for outstanding acknowledgements after Ctrl-C, ms. */
const GRACE_MS = 3_000;
/** Shortest delay of a timer, ms. */
const MIN_DELAY_MS = 1;

/**
 * Pushes entries until the count is reached or the signal aborts. Without a dedupe key, entries in flight when a connection
 * closes may or may not be stored. They are counted as unknown and not sent again.
 *
 * @param produce returns entry n, from 0; undefined at the end
 * @throws StreamerError that a retry cannot fix
 */
export async function pushLoop(
  io: Io,
  stream: string,
  flags: PushFlags,
  produce: (n: number) => Promise<Produced | undefined> | Produced,
): Promise<void> {
  const { terminal, signal, now } = io;
  const { url, device, prefix, fps, dedupe, count = Number.POSITIVE_INFINITY } = flags;
  const streamer = openStreamer(flags);
  const meter = createMeter(now);
  const schedule = createSchedule(fps, now);
  const notices = createNotices(io, url);
  const stop = stopAfterGrace(signal, () => notices.open);
  let unknown = 0;
  let unsent = 0;
  let failure: { readonly error: unknown } | undefined;

  const push = streamer.push(stream, {
    ...{ device, prefix, dedupe, signal: stop.signal },
    onStatus: notices.onStatus,
  });
  const failed = (error: unknown) => {
    if (error instanceof StreamerError && error.code === "APPEND_UNKNOWN") unknown++;
    else if (stop.signal.aborted) unsent++;
    else failure ??= { error };
  };
  const described = (text: string) =>
    `push ${stream}: ${text}${lossText(unsent, "not sent")}${lossText(unknown, "unknown")}`;
  const hideProgress = terminal.showProgress(() => described(meter.progress()));
  try {
    for (let n = 0; n < count && failure === undefined; n++) {
      const delayMs = schedule.nextDelayMs();
      if (delayMs >= MIN_DELAY_MS) await sleep(delayMs, signal);
      const produced = await produce(n);
      if (produced === undefined) break;
      const { data, options } = produced;
      await push.ready();
      signal.throwIfAborted();
      const bytes = data.length;
      push.send(data, options).then(() => meter.add(bytes), failed);
    }
  } catch (error) {
    if (!signal.aborted) failure ??= { error };
  } finally {
    await push.close();
    stop.clear();
    hideProgress();
    if (meter.messages + unknown > 0 || failure === undefined) terminal.note(described(meter.totals()));
    if (unknown > 0)
      terminal.note("unknown: not acknowledged before the connection closed; may or may not be stored");
  }
  if (failure !== undefined) throw failure.error;
}

const lossText = (count: number, what: string) => (count === 0 ? "" : `, ${countText(count)} ${what}`);

/** Aborts after a signal: at once if the connection is closed, else after a grace period for acknowledgements. */
function stopAfterGrace(signal: AbortSignal, isOpen: () => boolean) {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    if (isOpen()) timer = setTimeout(() => controller.abort(signal.reason), GRACE_MS);
    else controller.abort(signal.reason);
  };
  signal.addEventListener("abort", start, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener("abort", start);
    },
  };
}
