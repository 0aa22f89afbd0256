/** Gateway panel: connections, throughput, memory and Redis. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Streamer } from "../../client/browser.ts";
import { Fact } from "../design/fact.tsx";
import { bytesText, countText, rateText, spanText } from "../page/format.ts";
import { Sparkline } from "../page/sparkline.tsx";
import { usePolled } from "../page/use-polled.ts";
import type { Listing } from "../stream-list/listing.ts";

const PERIOD_MS = 1000;
/** Number of rates kept per counter. */
const MAX_RATES = 40;
const PREFIX = "redis_streamer_";

interface GatewayPanelProps {
  readonly streamer: Streamer;
  readonly listing: Listing;
}

/** Metrics at one point in time. */
interface Sample {
  readonly atMs: number;
  readonly numbers: ReadonlyMap<string, number>;
}

/** Counters that are displayed as rates. */
const RATES = [
  { id: "entries_in_total", title: "Entries in", text: (rate: number) => `${rateText(rate)}/s` },
  { id: "entries_out_total", title: "Entries out", text: (rate: number) => `${rateText(rate)}/s` },
  { id: "bytes_in_total", title: "Bytes in", text: (rate: number) => `${bytesText(rate)}/s` },
  { id: "bytes_out_total", title: "Bytes out", text: (rate: number) => `${bytesText(rate)}/s` },
] as const;

/** Renders the panel. */
export function GatewayPanel({ streamer, listing }: GatewayPanelProps) {
  const request = useMemo(
    () => async (signal: AbortSignal) => ({
      numbers: await streamer.metrics({ signal }),
      atMs: performance.now(),
    }),
    [streamer],
  );
  const { value: sample, problem } = usePolled<Sample>(request, PERIOD_MS);
  const before = useSignal<Sample | undefined>(undefined);
  const rates = useSignal<ReadonlyMap<string, readonly number[]>>(new Map());
  useSignalEffect(() => {
    const now = sample.value;
    const earlier = before.peek();
    before.value = now;
    if (now === undefined || earlier === undefined) return;
    const known = rates.peek();
    rates.value = new Map(
      RATES.map(({ id }) => [id, [...(known.get(id) ?? []).slice(-MAX_RATES + 1), rateOf(id, earlier, now)]]),
    );
  });
  const connections = useComputed(() =>
    [...(sample.value?.numbers ?? [])]
      .map(([name, count]) => [/^redis_streamer_connections\{kind="(.*)"\}$/.exec(name)?.[1], count] as const)
      .filter((one): one is readonly [string, number] => one[0] !== undefined && one[1] > 0),
  );
  const server = listing.server.value;
  const number = (name: string) => sample.value?.numbers.get(name) ?? Number.NaN;
  const own = (name: string) => number(PREFIX + name);

  return (
    <>
      <p class="problem" role="status">
        {problem.value && `The metrics cannot be read: ${problem.value}`}
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
      {sample.value && (
        <dl class="numbers">
          <Fact name="Redis latency">{millisText(own("redis_ping_seconds"))}</Fact>
          <Fact name="Redis reconnects">{countText(own("redis_reconnects_total"))}</Fact>
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
          <Fact name="Live streams">{countText(own("tail_streams"))}</Fact>
          <Fact name="Waiting for Redis">
            {countText(own("appends_in_flight"))} entries, {bytesText(own("append_bytes_in_flight"))}
          </Fact>
          <Fact name="Waiting for readers">{bytesText(own("send_buffer_bytes"))}</Fact>
          <Fact name="Memory">{bytesText(number("process_resident_memory_bytes"))}</Fact>
          <Fact name="Heap">{bytesText(number("nodejs_heap_size_used_bytes"))}</Fact>
          <Fact name="Client errors">{countText(own("client_errors_total"))}</Fact>
          <Fact name="Internal errors">{countText(own("internal_errors_total"))}</Fact>
        </dl>
      )}
    </>
  );
}

const millisText = (seconds: number): string =>
  Number.isNaN(seconds) ? "unavailable" : `${(seconds * 1000).toFixed(1)} ms`;

/** Returns the rate of a counter per second. A restarted gateway counts from 0. */
function rateOf(id: string, earlier: Sample, now: Sample): number {
  const [from = 0, to = 0] = [earlier, now].map(({ numbers }) => totalOf(id, numbers));
  return Math.max(0, to - from) / Math.max(0.001, (now.atMs - earlier.atMs) / 1000);
}

/** Returns the sum of a counter over all stream classes. */
function totalOf(id: string, numbers: Sample["numbers"]): number {
  let total = 0;
  for (const [name, count] of numbers) if (name.startsWith(`${PREFIX}${id}{`)) total += count;
  return total;
}
