/** States of a playback between its frames, while a client reads and while it does not. */
import { expect, test } from "vitest";
import { PlaybackStates } from "../../../src/transports/response/playback-states.ts";
import type { PlaybackNotice } from "../../../src/wire/notices/playback-notice.ts";
import { until } from "../../support/until.ts";

const stateAt = (time: number): PlaybackNotice => ({ status: "playing", time, rate: 1, seek: 0 });

/** A sink of texts that a test fills. */
class TextSink {
  readonly written: string[] = [];
  full = false;

  write(text: string): void {
    this.written.push(text);
  }

  isFull(): boolean {
    return this.full;
  }

  whenDrained(): void {}
}

test("sends states between frames, and only the last of those that a full sink kept", async () => {
  const sink = new TextSink();
  const states = new PlaybackStates<string>(sink, ({ time }) => `state ${time}`);
  states.report(stateAt(1));
  states.write("frame");
  sink.full = true;
  for (let time = 2; time < 100; time++) states.report(stateAt(time));
  expect(sink.written).toEqual(["state 1", "frame"]);
  states.write("next frame");
  expect(sink.written.slice(2)).toEqual(["state 99", "next frame"]);
  states.report(stateAt(100));
  expect(sink.written.length).toBe(4);
  sink.full = false;
  await until("the kept state is sent", () => sink.written.length === 5);
  expect(sink.written.at(-1)).toBe("state 100");
  states.close();
});

test("writes frames and states to sinks of their own", () => {
  const [sink, frames] = [new TextSink(), new TextSink()];
  const states = new PlaybackStates<string>(sink, ({ time }) => `state ${time}`, frames);
  states.report(stateAt(1));
  states.write("frame");
  frames.full = true;
  states.report(stateAt(2));
  expect([sink.written, frames.written]).toEqual([["state 1", "state 2"], ["frame"]]);
  expect(states.isFull()).toBe(true);
  states.close();
});
