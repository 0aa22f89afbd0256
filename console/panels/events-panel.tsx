/** Events panel: device connections and changes of streams, newest first. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { DeviceEvent, Streamer } from "../../client/browser.ts";
import { SearchField } from "../design/search-field.tsx";
import { timeText } from "../page/format.ts";
import { usePolled } from "../page/use-polled.ts";
import type { Listing, StreamEvent } from "../stream-list/listing.ts";
import { valueText } from "../viewers/content.ts";
import "./events-panel.css";

/** Maximum number of events requested and displayed. */
const MAX_EVENTS = 200;
const PERIOD_MS = 2000;

interface EventsPanelProps {
  readonly streamer: Streamer;
  readonly listing: Listing;
  /** Whether times are shown in UTC. */
  readonly isUtc: ReadonlySignal<boolean>;
}

interface PanelEvent {
  readonly key: string;
  readonly timeMs: number;
  readonly kind: DeviceEvent["what"] | StreamEvent["what"];
  readonly subject: string;
  readonly detail: string;
}

/** Renders the panel. */
export function EventsPanel({ streamer, listing, isUtc }: EventsPanelProps) {
  const request = useMemo(
    () => (signal: AbortSignal) => streamer.events({ count: MAX_EVENTS, signal }),
    [streamer],
  );
  const { value: events, problem } = usePolled(request, PERIOD_MS);
  const filter = useSignal("");
  const panelEvents = useComputed(() => {
    const word = filter.value.toLowerCase();
    return [...(events.value ?? []).map(ofDevice), ...listing.changes.value.map(ofStream)]
      .filter(({ subject, kind }) => subject.toLowerCase().includes(word) || kind.includes(word))
      .sort((a, b) => b.timeMs - a.timeMs)
      .slice(0, MAX_EVENTS);
  });
  return (
    <>
      <p class="problem" role="status">
        {problem.value && `Device events cannot be read: ${problem.value}`}
      </p>
      <div class="below">
        <label>
          Filter events <SearchField text={filter} />
        </label>
      </div>
      {panelEvents.value.length === 0 ? (
        <p class="hint">
          No events yet. Devices connect with the mutation <code>connectDevice</code>, or automatically with{" "}
          <code>presence=1</code>.
        </p>
      ) : (
        <ol class="timeline" tabIndex={0} aria-label="Events, newest first">
          {panelEvents.value.map(({ key, timeMs, kind, subject, detail }) => (
            <li key={key} class={kind}>
              <time dateTime={new Date(timeMs).toISOString()}>{timeText(timeMs, isUtc.value)}</time>
              <span>
                <strong>{subject}</strong> {WORDS[kind]} {detail && <code>{detail}</code>}
              </span>
            </li>
          ))}
        </ol>
      )}
      <p class="hint">Created and deleted streams are listed since this page was opened.</p>
    </>
  );
}

const WORDS: Readonly<Record<PanelEvent["kind"], string>> = {
  connected: "connected",
  disconnected: "disconnected",
  meta: "has new metadata",
  created: "was created",
  deleted: "was deleted",
};

const ofDevice = ({ id, timeMs, what, device, meta }: DeviceEvent): PanelEvent => ({
  key: `${what === "meta" ? "meta" : "device"} ${id}`,
  timeMs,
  kind: what,
  subject: device,
  detail: meta === undefined ? "" : valueText(meta, false).slice(0, 200),
});

const ofStream = ({ timeMs, key, what }: StreamEvent): PanelEvent => ({
  key: `stream ${what} ${key} ${timeMs}`,
  timeMs,
  kind: what,
  subject: key,
  detail: "",
});
