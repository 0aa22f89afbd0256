/** The gateway's own state: who is connected, what goes through, its memory and its Redis. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Streamer } from "../../client/browser.ts";
import { bytesText, countText, rateText, spanText } from "../format.ts";
import type { Listing } from "../listing.ts";
import { Sparkline } from "../sparkline.tsx";
import { usePolled } from "../use-polled.ts";

const PERIOD_MS = 1000;
/** Rates that are kept of each number. */
const MOST_RATES = 40;
const PREFIX = "redis_streamer_";

interface GatewayPanelProps {
  readonly streamer: Streamer;
  readonly listing: Listing;
}

/** A look at the counters. */
interface Look {
  readonly atMs: number;
  readonly numbers: ReadonlyMap<string, number>;
}

/** What is shown as a rate, by its counter. */
const RATES = [
  { id: "entries_in_total", title: "Entries in", text: (rate: number) => `${rateText(rate)}/s` },
  { id: "entries_out_total", title: "Entries out", text: (rate: number) => `${rateText(rate)}/s` },
  { id: "bytes_in_total", title: "Bytes in", text: (rate: number) => `${bytesText(rate)}/s` },
  { id: "bytes_out_total", title: "Bytes out", text: (rate: number) => `${bytesText(rate)}/s` },
] as const;

/** The numbers. */
export function GatewayPanel({ streamer, listing }: GatewayPanelProps) {
  const ask = useMemo(
    () => async (signal: AbortSignal) => ({
      numbers: await streamer.metrics({ signal }),
      atMs: performance.now(),
    }),
    [streamer],
  );
  const { value: look, problem } = usePolled<Look>(ask, PERIOD_MS);
  const before = useSignal<Look | undefined>(undefined);
  const rates = useSignal<ReadonlyMap<string, readonly number[]>>(new Map());
  useSignalEffect(() => {
    const now = look.value;
    const earlier = before.peek();
    before.value = now;
    if (now === undefined || earlier === undefined) return;
    const known = rates.peek();
    rates.value = new Map(
      RATES.map(({ id }) => [
        id,
        [...(known.get(id) ?? []).slice(-MOST_RATES + 1), rateOf(id, earlier, now)],
      ]),
    );
  });
  const connections = useComputed(() =>
    [...(look.value?.numbers ?? [])]
      .map(([name, count]) => [/^redis_streamer_connections\{kind="(.*)"\}$/.exec(name)?.[1], count] as const)
      .filter((one): one is readonly [string, number] => one[0] !== undefined && one[1] > 0),
  );
  const server = listing.server.value;
  const number = (name: string) => look.value?.numbers.get(name) ?? Number.NaN;
  const own = (name: string) => number(PREFIX + name);

  return (
    <>
      <p class="problem" role="status">
        {problem.value && `The counters cannot be read: ${problem.value}`}
      </p>
      {server && (
        <dl class="numbers">
          <Fact name="Gateway">
            {server.version}, up {spanText(server.uptimeSeconds * 1000)}
          </Fact>
          <Fact name="Redis">
            {server.redisVersion}, {server.redisMode}
          </Fact>
        </dl>
      )}
      {look.value && (
        <dl class="numbers">
          <Fact name="Redis answers in">{millisText(own("redis_ping_seconds"))}</Fact>
          <Fact name="Connections to Redis lost">{countText(own("redis_reconnects_total"))}</Fact>
          {RATES.map(({ id, title, text }) => {
            const recent = rates.value.get(id) ?? [];
            const newest = recent.at(-1);
            return (
              <Fact key={id} name={title}>
                {newest === undefined ? "–" : text(newest)} <Sparkline values={recent} />
              </Fact>
            );
          })}
          <Fact name="WebSockets">{countText(own("websockets"))}</Fact>
          <Fact name="Connections">
            {connections.value.map(([kind, count]) => `${countText(count)} ${kind}`).join(", ") || "none"}
          </Fact>
          <Fact name="Readers">
            {countText(own("readers"))}, {countText(own("readers_paused"))} paused
          </Fact>
          <Fact name="Streams followed live">{countText(own("tail_streams"))}</Fact>
          <Fact name="Waiting for Redis">
            {countText(own("appends_in_flight"))} entries, {bytesText(own("append_bytes_in_flight"))}
          </Fact>
          <Fact name="Waiting for readers">{bytesText(own("send_buffer_bytes"))}</Fact>
          <Fact name="Memory">{bytesText(number("process_resident_memory_bytes"))}</Fact>
          <Fact name="Heap">{bytesText(number("nodejs_heap_size_used_bytes"))}</Fact>
          <Fact name="Clients refused">{countText(own("client_errors_total"))}</Fact>
          <Fact name="Faults">{countText(own("internal_errors_total"))}</Fact>
        </dl>
      )}
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const millisText = (seconds: number): string =>
  Number.isNaN(seconds) ? "it does not answer" : `${(seconds * 1000).toFixed(1)} ms`;

/** A counter's rate a second; a gateway that was started anew counts from 0. */
function rateOf(id: string, earlier: Look, now: Look): number {
  const [from = 0, to = 0] = [earlier, now].map(({ numbers }) => totalOf(id, numbers));
  return Math.max(0, to - from) / Math.max(0.001, (now.atMs - earlier.atMs) / 1000);
}

/** What a counter comes to over the classes of streams that it is counted by. */
function totalOf(id: string, numbers: Look["numbers"]): number {
  let total = 0;
  for (const [name, count] of numbers) if (name.startsWith(`${PREFIX}${id}{`)) total += count;
  return total;
}
