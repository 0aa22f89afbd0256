/** What happened, the newest first: devices that came and went, streams that were created and deleted. */
import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { DeviceEvent, Streamer } from "../../client/browser.ts";
import { valueText } from "../content.ts";
import { timeText } from "../format.ts";
import type { Listing, StreamEvent } from "../listing.ts";
import { usePolled } from "../use-polled.ts";

/** Events that are asked for, and drawn. */
const MOST_EVENTS = 200;
const PERIOD_MS = 2000;

interface EventsPanelProps {
  readonly streamer: Streamer;
  readonly listing: Listing;
}

interface Happening {
  readonly key: string;
  readonly timeMs: number;
  readonly kind: DeviceEvent["what"] | StreamEvent["what"];
  readonly subject: string;
  readonly detail: string;
}

/** The timeline. */
export function EventsPanel({ streamer, listing }: EventsPanelProps) {
  const ask = useMemo(
    () => (signal: AbortSignal) => streamer.events({ count: MOST_EVENTS, signal }),
    [streamer],
  );
  const { value: events, problem } = usePolled(ask, PERIOD_MS);
  const filter = useSignal("");
  const happenings = useComputed(() => {
    const word = filter.value.toLowerCase();
    return [...(events.value ?? []).map(ofDevice), ...listing.changes.value.map(ofStream)]
      .filter(({ subject, kind }) => subject.toLowerCase().includes(word) || kind.includes(word))
      .sort((a, b) => b.timeMs - a.timeMs)
      .slice(0, MOST_EVENTS);
  });
  return (
    <>
      <p class="problem" role="status">
        {problem.value && `Events of devices cannot be read: ${problem.value}`}
      </p>
      <div class="filters">
        <label>
          Filter events{" "}
          <input
            type="search"
            value={filter.value}
            onInput={({ currentTarget }) => {
              filter.value = currentTarget.value;
            }}
          />
        </label>
      </div>
      {happenings.value.length === 0 ? (
        <p class="hint">
          Nothing yet. Devices come and go with <code>connectDevice</code>, or by themselves with{" "}
          <code>presence=1</code>.
        </p>
      ) : (
        <ol class="timeline" tabIndex={0} aria-label="Events, the newest first">
          {happenings.value.map(({ key, timeMs, kind, subject, detail }) => (
            <li key={key} class={kind}>
              <time dateTime={new Date(timeMs).toISOString()}>{timeText(timeMs)}</time>
              <span>
                <strong>{subject}</strong> {WORDS[kind]} {detail && <code>{detail}</code>}
              </span>
            </li>
          ))}
        </ol>
      )}
      <p class="hint">Streams are told as this page saw them come and go.</p>
    </>
  );
}

const WORDS: Readonly<Record<Happening["kind"], string>> = {
  connected: "connected",
  disconnected: "disconnected",
  meta: "has new metadata",
  created: "was created",
  deleted: "was deleted",
};

const ofDevice = ({ id, timeMs, what, device, meta }: DeviceEvent): Happening => ({
  key: `${what === "meta" ? "meta" : "device"} ${id}`,
  timeMs,
  kind: what,
  subject: device,
  detail: meta === undefined ? "" : valueText(meta, false).slice(0, 200),
});

const ofStream = ({ timeMs, key, what }: StreamEvent): Happening => ({
  key: `stream ${what} ${key} ${timeMs}`,
  timeMs,
  kind: what,
  subject: key,
  detail: "",
});
