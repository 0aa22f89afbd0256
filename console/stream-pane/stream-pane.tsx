/** Pane of one open stream: viewer, time bar and tools. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Streamer } from "../../client/browser.ts";
import { Feed, type StreamName } from "../feed/feed.ts";
import { bytesText, countText, msOfId, rateText, spanText } from "../page/format.ts";
import { type Layout, type Pane, VIEWS } from "../page/layout.ts";
import type { ListedStream, Listing } from "../stream-list/listing.ts";
import { AudioViewer } from "../viewers/audio-viewer.tsx";
import { viewOf } from "../viewers/content.ts";
import { HexViewer } from "../viewers/hex-viewer.tsx";
import { ImageViewer } from "../viewers/image-viewer.tsx";
import { PlotViewer } from "../viewers/plot-viewer.tsx";
import type { StreamCounters } from "../viewers/skip-counter.ts";
import { TextViewer } from "../viewers/text-viewer.tsx";
import { StreamTools } from "./stream-tools.tsx";
import { TimeBar } from "./time-bar.tsx";

interface StreamPaneProps {
  readonly pane: Pane;
  readonly streamer: Streamer;
  readonly listing: Listing;
  readonly layout: Layout;
}

/** Renders an open stream once the list of streams has its device. */
export function StreamPane({ pane, streamer, listing, layout }: StreamPaneProps) {
  const info = useComputed(() => listing.streams.value?.find(({ key }) => key === pane.key));
  const device = info.value?.device;
  const stream = info.value?.stream;
  const name = useMemo(() => (stream === undefined ? undefined : { device, stream }), [device, stream]);
  return (
    <section class="pane" aria-label={pane.key}>
      <div class="bar">
        <h2>{pane.key}</h2>
        <label>
          View{" "}
          <select
            value={pane.view}
            onChange={({ currentTarget }) =>
              layout.setView(pane.key, VIEWS.find((view) => view === currentTarget.value) ?? "auto")
            }
          >
            {VIEWS.map((view) => (
              <option key={view}>{view}</option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="close"
          aria-label={`Close ${pane.key}`}
          onClick={() => layout.close(pane.key)}
        >
          ✕
        </button>
      </div>
      {name === undefined ? (
        <p class="hint">
          {listing.streams.value === undefined ? "loading …" : "This stream does not exist (yet)."}
        </p>
      ) : (
        <OpenStream pane={pane} name={name} streamer={streamer} listing={listing} />
      )}
    </section>
  );
}

interface OpenStreamProps {
  readonly pane: Pane;
  readonly name: StreamName;
  readonly streamer: Streamer;
  readonly listing: Listing;
}

function OpenStream({ pane, name, streamer, listing }: OpenStreamProps) {
  const feed = useMemo(() => new Feed(streamer, name), [streamer, name]);
  // The viewer is selected by the first entry and kept, so that a single different entry does not switch it.
  const first = useRef<ReturnType<typeof viewOf> | undefined>(undefined);
  const info = useComputed(() => listing.streams.value?.find(({ key }) => key === pane.key));
  const meta = useComputed(() => info.value?.meta);
  const counted = useComputed(() => (feed.mode.value === "live" ? info.value : undefined));
  const found = useComputed(() => {
    const newest = feed.entries.value.at(-1);
    first.current ??= newest && viewOf(newest, meta.peek());
    return first.current;
  });
  const view = pane.view === "auto" ? found.value : pane.view;
  const isLatest = view && view === "image";
  useEffect(() => () => feed.stop(), [feed]);
  useEffect(() => {
    if (feed.mode.peek() === "live") feed.follow(isLatest);
  }, [feed, isLatest]);

  function handleKey(event: KeyboardEvent): void {
    if ((event.target as HTMLElement).closest("input, select, button, textarea") !== null) return;
    const isRunning = feed.mode.peek() === "live" || feed.mode.peek() === "playing";
    if (event.key === " ") isRunning ? feed.pause() : feed.follow(isLatest);
    else if (event.key === "ArrowLeft") feed.step(-1);
    else if (event.key === "ArrowRight" && !isRunning) feed.step(1);
    else return;
    event.preventDefault();
  }

  return (
    <>
      <p class="problem" role="status">
        {feed.problem}
      </p>
      <Facts feed={feed} />
      <KeptSpan info={info} />
      <div
        class="viewer"
        role="group"
        tabIndex={0}
        aria-label={`${pane.key}: space pauses or resumes, left and right arrow keys step through entries`}
        onKeyDown={handleKey}
      >
        {view === undefined ? (
          <p class="hint">No entry yet.</p>
        ) : (
          <Viewer view={view} feed={feed} name={pane.key} meta={meta} counted={counted} />
        )}
      </div>
      <TimeBar feed={feed} isLatest={isLatest} listing={listing} streamKey={pane.key} />
      <StreamTools name={name} streamKey={pane.key} streamer={streamer} listing={listing} />
    </>
  );
}

/** Current rate and gaps. A component of its own, so that a change re-renders only this. */
function Facts({ feed }: { readonly feed: Feed }) {
  const { entries, bytes } = feed.rate.value;
  const gaps = feed.gaps.value;
  return (
    <p class="facts">
      {rateText(entries)} entries/s, {bytesText(bytes)}/s
      {gaps > 0 && (
        <strong class="gap">
          {" "}
          {gaps} {gaps === 1 ? "gap" : "gaps"}: entries were trimmed before they were read
        </strong>
      )}
    </p>
  );
}

/** Number of stored entries and the time they span. */
function KeptSpan({ info }: { readonly info: ReadonlySignal<ListedStream | undefined> }) {
  const stream = info.value;
  const firstMs = stream && msOfId(stream.firstId);
  const lastMs = stream && msOfId(stream.lastId);
  if (stream === undefined || firstMs === undefined || lastMs === undefined) return null;
  return (
    <p class="facts">
      stores {countText(stream.length)} {stream.length === 1 ? "entry" : "entries"} over{" "}
      {spanText(lastMs - firstMs)}
    </p>
  );
}

interface ViewerProps {
  readonly view: ReturnType<typeof viewOf>;
  readonly feed: Feed;
  readonly name: string;
  readonly meta: ReadonlySignal<unknown>;
  readonly counted: ReadonlySignal<StreamCounters | undefined>;
}

function Viewer({ view, feed, name, meta, counted }: ViewerProps) {
  switch (view) {
    case "image":
      return <ImageViewer entries={feed.entries} name={name} counted={counted} />;
    case "plot":
      return <PlotViewer entries={feed.entries} name={name} />;
    case "audio":
      return <AudioViewer entries={feed.entries} name={name} meta={meta} />;
    case "text":
    case "msgpack":
      return <TextViewer key={view} entries={feed.entries} form={view} />;
    case "hex":
      return <HexViewer entries={feed.entries} />;
    default:
      return view satisfies never;
  }
}
