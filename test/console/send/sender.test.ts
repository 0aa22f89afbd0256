import { afterEach, expect, test, vi } from "vitest";
import { type Push, type PushOptions, StreamerError } from "../../../client/browser.ts";
import type { CaptureOutput } from "../../../console/send/capture/capture.ts";
import { Sender } from "../../../console/send/sending/sender.ts";
import type { Delivery, Source } from "../../../console/send/sources/source.ts";
import { until } from "../../support/until.ts";

const MB = 2 ** 20;

/** A client whose connection the test opens and closes, and whose entries it settles. */
function createClient() {
  const inFlight: { readonly data: Uint8Array; resolve(): void; reject(error: unknown): void }[] = [];
  let options: PushOptions = {};
  let ended: unknown;
  const declare = vi.fn(async (_stream: string, _declaration: object): Promise<void> => undefined);
  const push = {
    send: (data: Uint8Array) =>
      new Promise<string>((resolve, reject) => {
        inFlight.push({ data, resolve: () => resolve("1-0"), reject });
      }),
    ready: () => (ended === undefined ? Promise.resolve() : Promise.reject(ended)),
  } as unknown as Push;
  return {
    declare,
    inFlight,
    client: {
      declare,
      push: (_stream: string, given: PushOptions = {}) => {
        options = given;
        return push;
      },
    },
    get options() {
      return options;
    },
    open: () => options.onStatus?.({ state: "open" }),
    lose: () =>
      options.onStatus?.({
        ...{ state: "waiting", delayMs: 1000 },
        error: new StreamerError("UNREACHABLE", "cannot connect", { retryable: true }),
      }),
    settle: () => {
      for (const one of inFlight.splice(0)) one.resolve();
    },
    rejectAll(error: unknown, ends = false) {
      if (ends) ended = error;
      for (const one of inFlight.splice(0)) one.reject(error);
    },
  };
}

/** A source whose readings the test makes. */
function createSource(delivery: Delivery, opens: () => Promise<void> = async () => undefined) {
  const outputs: CaptureOutput[] = [];
  const stopped = vi.fn();
  const opened: unknown[] = [];
  const source: Source = {
    ...{ name: "mic", title: "Microphone", about: "", sensor: "microphone", icon: [], delivery },
    feature: "microphone",
    choices: { rate: { label: "Rate", values: [1, 2], fallback: 1, textOf: String } },
    async open(chosen, output) {
      outputs.push(output);
      opened.push(chosen);
      await opens();
      return { declaration: { contentType: "audio/L16;rate=16000;channels=1" }, stop: stopped };
    },
  };
  const output = (): CaptureOutput => {
    const last = outputs.at(-1);
    if (last === undefined) throw new Error("it is not open");
    return last;
  };
  return { source, output, stopped, opened };
}

const senders: Sender[] = [];
function create(source: Source, client: ReturnType<typeof createClient>): Sender {
  const sender = new Sender(source, client.client);
  senders.push(sender);
  return sender;
}
afterEach(() => {
  for (const sender of senders.splice(0)) sender.discard();
});

const bytes = (size: number) => new Uint8Array(size);
/** Waits until the figures, which are refreshed twice a second, have these values. */
const figures = async (sender: Sender, wanted: Partial<Sender["traffic"]["value"]>) => {
  await until(
    () => `${JSON.stringify(wanted)}, got ${JSON.stringify(sender.traffic.value)}`,
    () => Object.entries(wanted).every(([name, value]) => Reflect.get(sender.traffic.value, name) === value),
  );
};

test("declares the content before the first entry, and counts what is stored", async () => {
  const client = createClient();
  const { source, output } = createSource("all");
  const sender = create(source, client);
  let declared: () => void = () => undefined;
  client.declare.mockImplementationOnce(
    () =>
      new Promise((resolve) => {
        declared = resolve;
      }),
  );
  const started = sender.start("phone");
  expect(sender.state.value).toEqual({ kind: "asking" });
  await until("it is open", () => sender.state.value.kind === "waiting");
  client.open();
  output().entry(bytes(10));
  expect(sender.state.value).toEqual({ kind: "sending" });
  expect(client.inFlight).toHaveLength(0);
  declared();
  await started;
  expect(client.declare).toHaveBeenCalledExactlyOnceWith(
    "mic",
    { contentType: "audio/L16;rate=16000;channels=1" },
    expect.objectContaining({ device: "phone" }),
  );
  await until("it is sent", () => client.inFlight.length === 1);
  expect(client.options).toMatchObject({ device: "phone", dedupe: expect.stringMatching(/^[0-9a-f]{24}$/) });
  client.settle();
  await figures(sender, { sent: 1, sentBytes: 10, waiting: 0, dropped: 0 });
});

test("keeps what is read while the gateway is unreachable, up to a limit, and counts what it drops", async () => {
  const client = createClient();
  const { source, output } = createSource("all");
  const sender = create(source, client);
  await sender.start("phone");
  client.lose();
  for (let i = 0; i < 5; i++) output().entry(bytes(MB));
  await figures(sender, { waiting: 4, waitingBytes: 4 * MB, dropped: 1, sent: 0 });
  expect(sender.traffic.value.problem).toContain("more than 4 MB were waiting");
  client.open();
  expect(client.inFlight).toHaveLength(4);
  client.settle();
  await figures(sender, { waiting: 0, dropped: 1, sent: 4 });
});

test("makes no picture while two are in flight or the gateway is unreachable, and counts those it skips", async () => {
  const client = createClient();
  const { source, output } = createSource("newest");
  const sender = create(source, client);
  await sender.start("phone");
  expect(output().isReady).toBe(false);
  client.open();
  expect(output().isReady).toBe(true);
  for (let i = 0; i < 2; i++) output().entry(bytes(5));
  expect(output().isReady).toBe(false);
  output().skipped();
  output().entry(bytes(5));
  await figures(sender, { waiting: 2, skipped: 2 });
  client.settle();
  await until("there is room", () => output().isReady);
  // Pictures are not sent again: their acknowledgement was lost, and newer ones follow.
  expect(client.options.dedupe).toBeUndefined();
  output().entry(bytes(5));
  client.lose();
  client.rejectAll(new StreamerError("APPEND_UNKNOWN", "it may be stored", { retryable: false }));
  await figures(sender, { sent: 2, dropped: 1, problem: "it may be stored" });
  expect(sender.state.value.kind).toBe("sending");
});

test("sends again what Redis could not store, in order", async () => {
  const client = createClient();
  const { source, output } = createSource("all");
  const sender = create(source, client);
  await sender.start("phone");
  client.open();
  for (const size of [1, 2, 3]) output().entry(bytes(size));
  client.options.onStatus?.({ state: "redis-unavailable", since: new Date() });
  client.rejectAll(new StreamerError("REDIS_UNAVAILABLE", "Redis does not reply", { retryable: true }));
  await figures(sender, { waiting: 3, dropped: 0 });
  client.open();
  expect(client.inFlight.map(({ data }) => data.length)).toEqual([1, 2, 3]);
});

test("counts an entry that is rejected, and continues; ends with the push", async () => {
  const client = createClient();
  const { source, output, stopped } = createSource("all");
  const sender = create(source, client);
  await sender.start("phone");
  client.open();
  output().entry(bytes(1));
  client.rejectAll(new StreamerError("TOO_LARGE", "the entry is too large", { retryable: false }));
  await figures(sender, { dropped: 1, problem: "the entry is too large" });
  expect(sender.state.value.kind).toBe("sending");
  output().entry(bytes(1));
  client.rejectAll(new StreamerError("UNAUTHENTICATED", "the key was revoked", { retryable: false }), true);
  await until("it ends", () => sender.state.value.kind === "refused");
  expect(sender.state.value).toMatchObject({
    reason: "The gateway refused the stream: the key was revoked.",
    needsLogin: true,
  });
  expect(stopped).toHaveBeenCalledOnce();
  expect(client.options.signal?.aborted).toBe(true);
  await figures(sender, { dropped: 2 });
});

test("repeats a declaration while the gateway is unreachable", async () => {
  const client = createClient();
  const { source, output } = createSource("all");
  const sender = create(source, client);
  client.declare.mockRejectedValueOnce(new StreamerError("UNREACHABLE", "none", { retryable: true }));
  await sender.start("phone");
  client.open();
  output().entry(bytes(1));
  await until("it is sent", () => client.inFlight.length === 1);
  expect(client.declare).toHaveBeenCalledTimes(2);
});

test("a refused permission reports what to do", async () => {
  const client = createClient();
  const { source } = createSource("all", () => Promise.reject(new DOMException("no", "NotAllowedError")));
  const sender = create(source, client);
  await sender.start("phone");
  expect(sender.state.value).toMatchObject({
    kind: "refused",
    needsLogin: false,
    reason: expect.stringContaining("Access to the microphone was refused. Allow it"),
  });
  expect(client.options.signal?.aborted).toBe(true);
});

test("sends the rest after a stop, or drops it on request", async () => {
  const client = createClient();
  const { source, output, stopped } = createSource("all");
  const sender = create(source, client);
  await sender.start("phone");
  client.lose();
  output().entry(bytes(1));
  sender.stop();
  expect(stopped).toHaveBeenCalledOnce();
  expect(sender.state.value).toEqual({ kind: "finishing" });
  client.open();
  client.settle();
  await until("it is off", () => sender.state.value.kind === "off");
  await figures(sender, { sent: 1, dropped: 0 });

  await sender.start("phone");
  client.lose();
  output().entry(bytes(1));
  sender.stop();
  sender.discard();
  expect(sender.state.value).toEqual({ kind: "off" });
  expect(sender.traffic.value).toMatchObject({ sent: 0, waiting: 0, dropped: 1 });
});

test("a stop while the permission is requested closes what opens later", async () => {
  const client = createClient();
  let allow: () => void = () => undefined;
  const { source, stopped } = createSource(
    "all",
    () =>
      new Promise((resolve) => {
        allow = resolve;
      }),
  );
  const sender = create(source, client);
  const started = sender.start("phone");
  sender.stop();
  expect(sender.state.value).toEqual({ kind: "off" });
  allow();
  await started;
  expect(stopped).toHaveBeenCalledOnce();
  expect(client.declare).not.toHaveBeenCalled();
});

test("a choice opens the capture again, and old readings do not count", async () => {
  const client = createClient();
  const { source, output, stopped, opened } = createSource("all");
  const sender = create(source, client);
  await sender.start("phone");
  client.open();
  const before = output();
  await sender.choose("rate", 2);
  expect(stopped).toHaveBeenCalledOnce();
  expect(opened).toEqual([{ rate: 1 }, { rate: 2 }]);
  expect(client.declare).toHaveBeenCalledTimes(2);
  before.entry(bytes(1));
  before.ended(new Error("the old one ended"));
  expect(client.inFlight).toHaveLength(0);
  output().entry(bytes(1));
  expect(client.inFlight).toHaveLength(1);
  expect(sender.state.value).toEqual({ kind: "sending" });
});
