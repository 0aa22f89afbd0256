/** Controls that play a recording into streams of its own, and show the progress. */
import { useSignal } from "@preact/signals";
import type { PlayRecordingOptions, RecordingInfo, RecordingPlayback } from "../../../client/browser.ts";
import { Icon } from "../../design/icon.tsx";
import { isPlaying, playbackFacts, playbackLook, playedShare, RATES, speedText } from "./playback.ts";

/** Actions of the controls. */
export interface PlaybackActions {
  play(options: Pick<PlayRecordingOptions, "rate" | "loop">): void;
  pause(): void;
  proceed(): void;
  stop(): void;
  /** Opens the streams of the replay. */
  show(): void;
}

interface PlaybackControlsProps extends PlaybackActions {
  readonly recording: RecordingInfo;
  /** Whether the user may write the streams of the replay. */
  readonly isPermitted: boolean;
}

/** Renders the controls; nothing if there is nothing to show and nothing to do. */
export function PlaybackControls(props: PlaybackControlsProps) {
  const { recording, isPermitted } = props;
  const { name, playback } = recording;
  if (!isPermitted && playback === null) return null;
  return (
    <div class="playback" role="group" aria-label={`Playback of ${name}`}>
      {playback !== null && <Progress playback={playback} />}
      <div class="actions">
        {isPermitted && (isPlaying(playback) ? <Changes {...props} /> : <PlayForm {...props} />)}
        {Object.keys(playback?.streams ?? {}).length > 0 && (
          <button type="button" onClick={props.show}>
            <Icon of="rows" small /> Show the replay
          </button>
        )}
      </div>
    </div>
  );
}

function Progress({ playback }: { readonly playback: RecordingPlayback }) {
  const { look, text } = playbackLook(playback);
  return (
    <>
      <p class="facts">
        <span class={`chip ${look}`}>{text}</span> {playbackFacts(playback).join(" · ")}
      </p>
      {isPlaying(playback) && (
        <progress value={playedShare(playback)} max={1} aria-label="Part that is played" />
      )}
      {playback.error !== null && <p class="problem">{playback.error}</p>}
    </>
  );
}

function Changes({ recording: { playback }, pause, proceed, stop }: PlaybackControlsProps) {
  return (
    <>
      {playback?.state === "paused" ? (
        <button type="button" onClick={proceed}>
          <Icon of="play" small /> Continue
        </button>
      ) : (
        <button type="button" onClick={pause}>
          <Icon of="pause" small /> Pause
        </button>
      )}
      <button type="button" onClick={stop}>
        <Icon of="stop" small /> Stop playing
      </button>
    </>
  );
}

function PlayForm({ recording: { name }, play }: PlaybackControlsProps) {
  const rate = useSignal(1);
  const loop = useSignal(false);
  return (
    <form
      class="fields"
      aria-label={`Play ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        play({ rate: rate.value, loop: loop.value && rate.value !== 0 });
      }}
    >
      <button
        type="submit"
        title={`Stores the entries again, at their pace, as streams of their own: ${name}-replay`}
      >
        <Icon of="play" small /> Play as new streams
      </button>
      <label class="inline">
        Speed{" "}
        <select
          value={String(rate.value)}
          onChange={({ currentTarget }) => {
            rate.value = Number(currentTarget.value);
          }}
        >
          {RATES.map((one) => (
            <option key={one} value={String(one)}>
              {speedText(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={loop.value && rate.value !== 0}
          disabled={rate.value === 0}
          onChange={({ currentTarget }) => {
            loop.value = currentTarget.checked;
          }}
        />{" "}
        loop
      </label>
    </form>
  );
}
