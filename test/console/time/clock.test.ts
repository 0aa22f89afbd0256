/** Clock of the workspace: modes, positions and playback. */
import { signal } from "@preact/signals";
import { afterEach, expect, test } from "vitest";
import type { PlaybackState, PlayOptions, Streamer } from "../../../client/browser.ts";
import { StreamerError } from "../../../client/errors.ts";
import { createPulledEntry, type PulledEntry } from "../../../client/reading/entry.ts";
import type { RangeOptions } from "../../../client/reading/history.ts";
import { Clock, type TimedFeed } from "../../../console/time/clock.ts";
import { until } from "../../support/until.ts";

const entryOf = (stream: string, id: string): PulledEntry =>
  createPulledEntry({ stream, id, data: new Uint8Array(1) }, false);

/** A feed that records the clock's commands. */
class RecordedFeed implements TimedFeed {
  readonly entries = signal<readonly PulledEntry[]>([]);
  readonly calls: string[] = [];
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }
  follow(): void {
    this.calls.push("follow");
  }
  freeze(): void {
    this.calls.push("freeze");
  }
  async showAt(end: string): Promise<void> {
    this.calls.push(`at ${end}`);
  }
  receive({ id }: PulledEntry): void {
    this.calls.push(`entry ${id}`);
  }
  display(): void {}
}

interface Session {
  readonly keys: readonly string[];
  readonly options: PlayOptions;
  readonly rates: number[];
  report(state: PlaybackState): void;
}

/** A streamer over stored ids, whose playbacks yield entries when the test sends them. */
function streamerOf(stored: readonly string[]) {
  const sessions: Session[] = [];
  const sent: PulledEntry[] = [];
  async function* entries(stream: string, { start, end }: RangeOptions) {
    const compare = (a: string, b: string) => Number(a.replace("-", ".")) - Number(b.replace("-", "."));
    const found = stored.filter(
      (id) =>
        (start === undefined || compare(id, String(start).slice(1)) > 0) &&
        (end === undefined || compare(id, String(end).slice(1)) < 0),
    );
    const id = start === undefined ? found.at(-1) : found[0];
    if (id !== undefined) yield entryOf(stream, id);
  }
  function play(keys: readonly string[], options: PlayOptions) {
    const listeners = new Set<(state: PlaybackState) => void>();
    const rates: number[] = [];
    sessions.push({
      keys,
      options,
      rates,
      report: (state) => {
        for (const listener of listeners) listener(state);
      },
    });
    const state = {
      value: undefined,
      subscribe(listener: (state: PlaybackState) => void) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    async function* loop() {
      while (options.signal?.aborted !== true) {
        const entry = sent.shift();
        if (entry === undefined) await new Promise(setImmediate);
        else yield entry;
      }
    }
    return Object.assign(loop(), { state, play: (rate: number) => rates.push(rate) });
  }
  return { sessions, sent, streamer: { entries, play } as unknown as Streamer };
}

const clocks: Clock[] = [];
function open(stored: readonly string[], ...keys: readonly string[]) {
  const { sessions, sent, streamer } = streamerOf(stored);
  const clock = new Clock(streamer);
  clocks.push(clock);
  const feeds = keys.map((key) => new RecordedFeed(key));
  for (const feed of feeds) clock.attach(feed);
  return { clock, feeds, sessions, sent, streamer };
}
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.stop();
});

const stateOf = (status: PlaybackState["status"], time: number): PlaybackState =>
  ({ status, time, rate: 1 }) as PlaybackState;

test("is live at first; a pause keeps the newest shown entry of all panes", () => {
  const { clock, feeds } = open([], "a", "b");
  expect(clock.mode.value).toBe("live");
  expect(clock.position).toBeUndefined();
  const [a, b] = feeds;
  if (a !== undefined) a.entries.value = [entryOf("a", "1000-9")];
  if (b !== undefined) b.entries.value = [entryOf("b", "1000-10")];
  clock.pause();
  expect(clock.mode.value).toBe("paused");
  expect(clock.position).toBe("1000-10");
  expect(feeds.map(({ calls }) => calls)).toEqual([
    ["follow", "freeze"],
    ["follow", "freeze"],
  ]);
  clock.live();
  expect(clock.mode.value).toBe("live");
  expect(feeds[0]?.calls.at(-1)).toBe("follow");
});

test("live, it shows the time of the newest entry, which stands still when the device does", () => {
  const { clock, feeds } = open([], "a", "b");
  const beforeMs = Date.now();
  expect(clock.newestMs).toBeUndefined();
  expect(clock.timeMs).toBeGreaterThanOrEqual(beforeMs);
  const [a, b] = feeds;
  if (a !== undefined) a.entries.value = [entryOf("a", "1000-0"), entryOf("a", "5000-2")];
  if (b !== undefined) b.entries.value = [entryOf("b", "4000-0")];
  expect([clock.newestMs, clock.timeMs]).toEqual([5000, 5000]);
  clock.pause();
  expect(clock.timeMs).toBe(5000);
});

test("a moment is shown in all panes, also in one that is opened later", () => {
  const { clock, feeds } = open([], "a", "b");
  clock.seek("5000");
  expect(clock.mode.value).toBe("past");
  expect(clock.timeMs).toBe(5000);
  const late = new RecordedFeed("c");
  clock.attach(late);
  expect([...feeds, late].map(({ calls }) => calls.at(-1))).toEqual(["at 5000", "at 5000", "at 5000"]);
});

test("steps to the next and the previous entry of the selected stream; all panes follow", async () => {
  const { clock, feeds } = open(["1-0", "2-0", "3-0"], "a", "b");
  const [a, b] = feeds;
  if (b !== undefined) b.entries.value = [entryOf("b", "2-0")];
  await clock.step(-1, "b");
  expect(clock.position).toBe("1-0");
  expect(a?.calls.at(-1)).toBe("at 1-0");
  await clock.step(1, "b");
  expect(clock.position).toBe("3-0");
  // No later entry exists.
  if (b !== undefined) b.entries.value = [entryOf("b", "3-0")];
  await clock.step(1, "b");
  expect(clock.position).toBe("3-0");
});

test("plays the streams of all panes in one session, delivers their entries, and becomes live at the end", async () => {
  const { clock, feeds, sessions, sent } = open([], "a", "b");
  clock.seek("5000-3");
  clock.setSpeed(4);
  clock.play();
  expect(clock.mode.value).toBe("buffering");
  await until("the session", () => sessions.length === 1);
  expect(sessions[0]?.keys).toEqual(["a", "b"]);
  expect(sessions[0]?.options).toMatchObject({ device: "", pattern: false, start: "(5000-3", rate: 4 });
  sessions[0]?.report(stateOf("playing", 5100));
  expect(clock.mode.value).toBe("playing");
  expect(clock.timeMs).toBeGreaterThanOrEqual(5100);
  sent.push(entryOf("b", "5200-0"), entryOf("a", "5300-0"));
  await until("they are delivered", () => feeds[0]?.calls.at(-1) === "entry 5300-0");
  expect(feeds[1]?.calls.at(-1)).toBe("entry 5200-0");
  clock.setSpeed(8);
  expect(sessions[0]?.rates).toEqual([8]);
  sessions[0]?.report(stateOf("ended", 6000));
  expect(clock.mode.value).toBe("live");
  expect(sessions[0]?.options.signal?.aborted).toBe(true);
});

test("a pause ends the session; play continues from the moment of the pause", async () => {
  const { clock, sessions } = open([], "a");
  clock.seek("5000");
  clock.play();
  await until("the session", () => sessions.length === 1);
  sessions[0]?.report({ ...stateOf("playing", 7000), rate: 0 });
  clock.pause();
  expect(clock.mode.value).toBe("paused");
  expect(clock.position).toBe("7000");
  expect(sessions[0]?.options.signal?.aborted).toBe(true);
  // A late report of the ended session changes nothing.
  sessions[0]?.report(stateOf("playing", 9000));
  expect(clock.mode.value).toBe("paused");
  clock.play();
  await until("the next session", () => sessions.length === 2);
  expect(sessions[1]?.options.start).toBe("7001");
});

test("a seek while it plays begins a session at that moment, after the panes show it", async () => {
  const { clock, feeds, sessions } = open([], "a");
  clock.seek("5000");
  clock.play();
  await until("the session", () => sessions.length === 1);
  clock.seek("2000");
  await until("the next session", () => sessions.length === 2);
  expect(sessions[0]?.options.signal?.aborted).toBe(true);
  expect(feeds[0]?.calls.at(-1)).toBe("at 2000");
  expect(sessions[1]?.options.start).toBe("2001");
});

test("without panes, play becomes live", async () => {
  const { clock } = open([]);
  clock.seek("5000");
  clock.play();
  await until("live", () => clock.mode.value === "live");
});

test("reports a failed playback", async () => {
  const { clock, streamer } = open([], "a");
  Object.assign(streamer, {
    play: () => {
      async function* loop(): AsyncGenerator<PulledEntry> {
        yield* [];
        throw new StreamerError("FORBIDDEN", "you may not read this", { retryable: false });
      }
      return Object.assign(loop(), { state: { value: undefined, subscribe: () => () => undefined } });
    },
  });
  clock.seek("5000");
  clock.play();
  await until("the problem", () => clock.problem.value === "you may not read this");
  clock.live();
  expect(clock.problem.value).toBe("");
});
