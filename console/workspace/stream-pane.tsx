/** Pane of one open stream: its viewer, and a line with its state. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Icon } from "../design/icon.tsx";
import { Loaded } from "../design/loaded.tsx";
import { Feed } from "../feed/feed.ts";
import { bytesText, rateText } from "../page/format.ts";
import { useNow } from "../page/use-now.ts";
import type { ClockMode } from "../time/clock.ts";
import { viewerOf, viewOf } from "../viewers/viewers.ts";
import { absenceText } from "./absence.ts";
import { usePaneWorkspace } from "./pane-clock.ts";
import { paneStatus } from "./pane-status.ts";
import type { Workspace } from "./workspace.ts";
import "../viewers/viewer.css";

interface StreamPaneProps {
  readonly streamKey: string;
  readonly workspace: Workspace;
}

/** Renders a stream once it exists. */
export function StreamPane({ streamKey, workspace }: StreamPaneProps) {
  const { listing, session } = workspace;
  const isKnown = useComputed(() => listing.streams.value?.some(({ key }) => key === streamKey));
  return (
    <div class="pane">
      {isKnown.value === undefined && <Skeleton />}
      {isKnown.value === false && <p class="hint center">{absenceText(session.value, streamKey)}</p>}
      {isKnown.value && <OpenStream streamKey={streamKey} workspace={workspace} />}
    </div>
  );
}

/** Placeholder while the list is loading. */
function Skeleton() {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      <i />
      <i />
      <i />
    </div>
  );
}

function OpenStream({ streamKey, workspace: shared }: StreamPaneProps) {
  const workspace = usePaneWorkspace(shared, streamKey);
  const { streamer, listing, layout, clock, detected } = workspace;
  const feed = useMemo(() => new Feed(streamer, streamKey), [streamer, streamKey]);
  const info = useComputed(() => listing.streams.value?.find(({ key }) => key === streamKey));
  const meta = useComputed(() => info.value?.meta);
  const isLive = useComputed(() => clock.mode.value === "live" && feed.problem.value === "");
  const counted = useComputed(() => (isLive.value ? info.value : undefined));
  const view = useComputed(() => {
    const chosen = layout.paneOf(streamKey)?.view ?? "auto";
    return viewerOf(chosen) === undefined ? detected.value.get(streamKey) : chosen;
  });
  // The viewer is selected by the first entry and kept, so that a single different entry does not switch it.
  useSignalEffect(() => {
    const newest = feed.entries.value.at(-1);
    if (newest === undefined || detected.peek().has(streamKey)) return;
    detected.value = new Map(detected.peek()).set(streamKey, viewOf(newest, meta.peek()));
  });
  const isEmpty = useComputed(() => feed.entries.value.length === 0);
  useEffect(() => {
    clock.attach(feed);
    return () => clock.detach(feed);
  }, [clock, feed]);
  useEffect(() => () => feed.stop(), [feed]);
  const viewer = viewerOf(view.value);
  const isLatest = viewer === undefined ? undefined : viewer.latest === true;
  useEffect(() => feed.setLatest(isLatest), [feed, isLatest]);
  const spanMs = viewer?.isLong === true ? workspace.spanMs.value : undefined;
  useEffect(() => feed.setSpan(spanMs), [feed, spanMs]);
  return (
    <>
      <p class="problem" role="status">
        {feed.problem}
      </p>
      <div class="viewer" role="group" aria-label={`Entries of ${streamKey}`}>
        {viewer === undefined ? (
          <p class="hint center">{nothingText(clock.mode.value)}</p>
        ) : (
          <>
            {isEmpty.value && <p class="hint nothing">{nothingText(clock.mode.value)}</p>}
            <Loaded
              key={viewer.id}
              load={viewer.load}
              props={{
                entries: feed.entries,
                later: feed.later,
                name: streamKey,
                meta,
                counted,
                isLive,
                workspace,
              }}
              placeholder={<Skeleton />}
            />
          </>
        )}
      </div>
      <StatusLine feed={feed} workspace={workspace} shared={shared.clock} />
    </>
  );
}

const nothingText = (mode: ClockMode): string =>
  mode === "live" ? "No entry yet." : "This stream stores nothing at or before this moment.";

interface StatusLineProps {
  readonly feed: Feed;
  readonly workspace: Workspace;
  /** Clock of the time bar. */
  readonly shared: Workspace["clock"];
}

/** State, rate and gaps. A component of its own, so that a change re-renders only this. */
function StatusLine({ feed, workspace, shared }: StatusLineProps) {
  const { entries, bytes } = feed.rate.value;
  const gaps = feed.gaps.value;
  return (
    <div class="status-line">
      <Status feed={feed} workspace={workspace} nowMs={useNow(1000)} />
      {(entries > 0 || workspace.clock.mode.value === "live") && (
        <span class="facts">
          {rateText(entries)} entries/s, {bytesText(bytes)}/s
        </span>
      )}
      {gaps > 0 && (
        <strong class="gap">
          {gaps} {gaps === 1 ? "gap" : "gaps"}: entries were trimmed before they were read
        </strong>
      )}
      <PinButton streamKey={feed.key} layout={workspace.layout} shared={shared} />
    </div>
  );
}

interface PinButtonProps {
  readonly streamKey: string;
  readonly layout: Workspace["layout"];
  readonly shared: Workspace["clock"];
}

/** Unpins the pane from the time bar: it keeps its moment, or stays live, while the others move. */
function PinButton({ streamKey, layout, shared }: PinButtonProps) {
  const isPinned = useComputed(() => layout.paneOf(streamKey)?.moment === undefined).value;
  const label = isPinned
    ? `Unpin ${streamKey} from the time bar`
    : `Unpinned: pin ${streamKey} to the time bar`;
  return (
    <button
      type="button"
      class={isPinned ? "quiet pin" : "quiet pin own"}
      aria-label={label}
      title={label}
      onClick={() => layout.change(streamKey, { moment: isPinned ? shared.moment : undefined })}
    >
      <Icon of={isPinned ? "pin" : "unpin"} small />
      {!isPinned && <span>unpinned</span>}
    </button>
  );
}

interface StatusProps {
  readonly feed: Feed;
  readonly workspace: Workspace;
  readonly nowMs: ReadonlySignal<number>;
}

function Status({ feed, workspace: { clock, listing }, nowMs }: StatusProps) {
  const status = useComputed(() => {
    const { look, text } = paneStatus({
      mode: clock.mode.value,
      isStalled: feed.problem.value !== "",
      isUnavailable: listing.problem.value !== undefined,
      shownMs: feed.entries.value.at(-1)?.timeMs,
      nowMs: nowMs.value,
    });
    return `${look} ${text}`;
  });
  const [look, ...words] = status.value.split(" ");
  return <span class={`chip ${look}`}>{words.join(" ")}</span>;
}
