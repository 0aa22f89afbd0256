/** Recordings panel: starts, lists, stops, downloads, plays and deletes recordings of the gateway. */
import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { RecordingInfo } from "../../../client/browser.ts";
import { recordingLinks } from "../../../src/wire/foxglove/viewer-links.ts";
import { ConfirmButton } from "../../design/confirm-button.tsx";
import { Icon } from "../../design/icon.tsx";
import { Menu } from "../../design/menu.tsx";
import { ViewerLinks } from "../../design/viewer-links.tsx";
import { bytesText, errorText, timeText } from "../../page/format.ts";
import { pageUrl } from "../../page/urls.ts";
import { usePolled } from "../../page/use-polled.ts";
import { useScrolledIntoView } from "../../page/use-scrolled-into-view.ts";
import { isAuthenticated, may } from "../../shell/session.ts";
import { shownStreams } from "../../workspace/shown-streams.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import { PlayElsewhere } from "./play-elsewhere.tsx";
import { mayPlay } from "./playback.ts";
import { type PlaybackActions, PlaybackControls } from "./playback-controls.tsx";
import { RecordForm } from "./record-form.tsx";
import { newestFirst, recordingFacts, recordingLook } from "./recording.ts";
import "./recordings-panel.css";

const PERIOD_MS = 1000;
/** Maximum number of panes that a recording opens. */
const MAX_PANES = 9;

/** Renders the panel. */
export function RecordingsPanel({ workspace }: { readonly workspace: Workspace }) {
  const { streamer, layout, listing } = workspace;
  // A number that changes requests the list again at once.
  const version = useSignal(0);
  const request = useMemo(
    () => async (signal: AbortSignal) => newestFirst(await streamer.recordings({ signal })),
    [streamer, version.value],
  );
  const { value: list, problem } = usePolled(request, PERIOD_MS);
  const openKeys = useComputed(() => shownStreams(layout.panes.value, listing.streams.value ?? []));
  const message = useSignal("");
  const startedHere = useSignal("");
  const act: Act = async (what, action) => {
    message.value = "";
    try {
      await action();
    } catch (error) {
      message.value = `${what}: ${errorText(error)}`;
    }
    version.value++;
  };
  return (
    <>
      <RecordForm
        workspace={workspace}
        openKeys={openKeys.value}
        started={(name) => {
          startedHere.value = name;
          version.value++;
        }}
      />
      <p class="problem" role="status">
        {problem.value ? `Recordings cannot be read: ${problem.value}` : message}
      </p>
      {list.value?.length === 0 && (
        <p class="hint">No recordings. A recording is a file of the gateway that outlives the streams.</p>
      )}
      {list.value?.map((recording) => (
        <Recording
          key={recording.name}
          recording={recording}
          isRevealed={recording.name === startedHere.value}
          workspace={workspace}
          stop={() => void act("Not stopped", () => streamer.stopRecording(recording.name))}
          playback={playbackOf(recording, workspace, act)}
          remove={() => void act("Not deleted", () => streamer.deleteRecording(recording.name))}
        />
      ))}
    </>
  );
}

/** Performs an action, and shows why it failed. */
type Act = (what: string, action: () => Promise<unknown>) => Promise<void>;

/** Returns the actions of the playback of a recording. */
function playbackOf(
  { name, playback }: RecordingInfo,
  { streamer, layout, clock }: Workspace,
  act: Act,
): PlaybackActions {
  const open = (streams: Readonly<Record<string, string>>) => {
    const keys = Object.values(streams);
    if (keys.length === 0) return;
    layout.openOnly(keys.slice(0, MAX_PANES), layout.panels.peek());
    clock.live();
  };
  return {
    play: (options) =>
      void act("Not played", async () =>
        open((await streamer.playRecording(name, options)).playback?.streams ?? {}),
      ),
    pause: () => void act("Not paused", () => streamer.pausePlayback(name)),
    proceed: () => void act("Not continued", () => streamer.continuePlayback(name)),
    stop: () => void act("Not stopped", () => streamer.stopPlayback(name)),
    show: () => open(playback?.streams ?? {}),
  };
}

interface RecordingProps {
  readonly recording: RecordingInfo;
  /** Scrolls it into view: the user has just started it, and the pane may be too low for its Stop button. */
  readonly isRevealed: boolean;
  readonly workspace: Workspace;
  readonly playback: PlaybackActions;
  readonly stop: () => void;
  readonly remove: () => void;
}

function Recording({ recording, isRevealed, workspace, playback, stop, remove }: RecordingProps) {
  const { name, state, error, started, streams, files } = recording;
  const { look, text } = recordingLook(recording);
  const mayDelete = streams.every((key) => may(workspace.session.value, "admin", key));
  const actions = useScrolledIntoView<HTMLDivElement>(isRevealed && name);
  return (
    <section class="group recording" aria-label={`Recording ${name}`}>
      <h2>
        {name} <span class={`chip ${look}`}>{text}</span>
      </h2>
      <p class="facts" title={streams.join("\n")}>
        {[
          timeText(Date.parse(started), workspace.isUtc.value),
          ...recordingFacts(recording, Date.now()),
        ].join(" · ")}
      </p>
      {error !== null && <p class="problem">{error}</p>}
      <div ref={actions} class="actions">
        {state === "recording" && (
          <button type="button" onClick={stop}>
            <Icon of="stop" small /> Stop
          </button>
        )}
        {files.map(({ file, bytes }) => (
          <a
            key={file}
            class="button"
            href={pageUrl(`recordings/${encodeURIComponent(file)}`)}
            download={file}
          >
            <Icon of="down" small /> {files.length === 1 ? "Download" : file}{" "}
            <small>{bytesText(bytes)}</small>
          </a>
        ))}
        {state !== "recording" && !isAuthenticated(workspace.session.value) && (
          <OpenElsewhere files={files} />
        )}
        {streams.length > 0 && (
          <button
            type="button"
            class="quiet"
            title="Opens the streams that were recorded at the first recorded moment, as long as Redis stores it"
            onClick={() => show(recording, workspace)}
          >
            <Icon of="rows" small /> Show the original streams
          </button>
        )}
        {mayDelete && <ConfirmButton text="Delete" confirmText={`Delete ${name} now`} action={remove} />}
      </div>
      <PlaybackControls
        {...playback}
        recording={recording}
        isPermitted={mayPlay(recording, workspace.session.value)}
      />
      {state !== "recording" && files.length > 0 && <PlayElsewhere recording={recording} />}
    </section>
  );
}

/** Menu that opens a recording of one file in a viewer. A viewer has no login, so that it opens no file that requires one. */
function OpenElsewhere({ files }: Pick<RecordingInfo, "files">) {
  const [only] = files;
  if (only === undefined || files.length > 1) return null;
  const links = recordingLinks(pageUrl(`recordings/${encodeURIComponent(only.file)}`));
  return (
    <Menu label="Open in a viewer" icon="external" side="start">
      {() => <ViewerLinks links={links} />}
    </Menu>
  );
}

/** Opens the streams of a recording at its first entry. */
function show({ streams, from }: RecordingInfo, { layout, clock }: Workspace): void {
  layout.openOnly(streams.slice(0, MAX_PANES), layout.panels.peek());
  if (from !== null) clock.seek(String(Date.parse(from)));
}
