/** Pushing at a pace until told to stop, with progress and totals: what the commands that push have in common. */
import { type SendOptions, type Streamer, StreamerError } from "../client/index.ts";
import { sleep } from "../src/domain/sleep.ts";
import type { PushFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { createMeter } from "./meter.ts";
import { createNotices } from "./notices.ts";
import { countText } from "./quantities.ts";
import { createPace } from "./schedule.ts";

/** One entry to push. */
export interface Produced {
  readonly data: Uint8Array | string;
  readonly options?: SendOptions;
}

/** How long what is on its way may take to be acknowledged after Ctrl-C, ms. */
const GRACE_MS = 3_000;
/** A timer cannot wait for less, ms. */
const LEAST_WAIT_MS = 1;

/**
 * Pushes what is produced until it was enough or the signal comes. What was on its way when a connection ended may be
 * stored or not: it is counted as unknown, and not sent again.
 *
 * @param produce makes the n-th entry, from 0
 * @throws StreamerError for anything that trying on cannot mend
 */
export async function pushLoop(
  { terminal, signal, now }: Io,
  streamer: Streamer,
  stream: string,
  { url, device, prefix, fps, count = Number.POSITIVE_INFINITY }: PushFlags,
  produce: (n: number) => Promise<Produced> | Produced,
): Promise<void> {
  const meter = createMeter(now);
  const pace = createPace(fps, now);
  const notices = createNotices({ terminal, signal, now }, url);
  const stop = stopAfterGrace(signal, () => notices.open);
  let unknown = 0;
  let unsent = 0;
  let failure: { readonly error: unknown } | undefined;

  const push = streamer.push(stream, { device, prefix, signal: stop.signal, onStatus: notices.onStatus });
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
      const waitMs = pace.nextInMs();
      if (waitMs >= LEAST_WAIT_MS) await sleep(waitMs, signal);
      const { data, options } = await produce(n);
      await push.ready();
      signal.throwIfAborted();
      const bytes = data.length;
      push.send(data, options).then(() => meter.add(bytes), failed);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await push.close();
    stop.clear();
    hideProgress();
    terminal.note(described(meter.totals()));
    if (unknown > 0) terminal.note("unknown: not acknowledged before the connection ended, so stored or not");
  }
  if (failure !== undefined) throw failure.error;
}

const lossText = (count: number, what: string) => (count === 0 ? "" : `, ${countText(count)} ${what}`);

/** Follows a signal: at once where nothing can be acknowledged, else when the acknowledgements had their time. */
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
