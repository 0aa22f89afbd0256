/** Audio viewer: the waveform and the spectrogram of the last seconds, and playback on request. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { PulledEntry } from "../../../client/browser.ts";
import { DEFAULT_PCM, type PcmFormat, pcmOfMeta, readWav } from "../../../src/domain/content/pcm.ts";
import { Menu } from "../../design/menu.tsx";
import { countText } from "../../page/format.ts";
import { entriesAfter } from "../content.ts";
import { createLivePlot } from "../plot/live-plot.ts";
import type { ViewProps } from "../viewer.ts";
import { type AudioPlayer, createAudioPlayer } from "./audio-player.ts";
import { FormatFields } from "./format-fields.tsx";
import { channelsOf, firstChannel } from "./pcm.ts";
import { Spectrogram } from "./spectrogram.tsx";
import "./audio-view.css";

type Entries = ReadonlySignal<readonly PulledEntry[]>;

/** Displayed seconds and number of columns. */
const SECONDS = 5;
const COLUMNS = 400;

/** Renders the waveform and the format fields. */
export function AudioView({ entries, name, meta, workspace }: ViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const chosen = useSignal<Partial<PcmFormat>>({});
  const isPlaying = useSignal(false);
  const hasSpectrogram = useSignal(false);
  const volume = useSignal(1);
  // Serialized, so that the signal changes only if the format does.
  const formatText = useComputed(() => {
    const newest = entries.value.at(-1);
    const wav = newest && readWav(newest.data)?.pcm;
    return JSON.stringify({ ...DEFAULT_PCM, ...pcmOfMeta(meta.value), ...wav, ...chosen.value });
  });
  const pcm: PcmFormat = JSON.parse(formatText.value);
  const choose = (part: Partial<PcmFormat>) => {
    chosen.value = { ...chosen.value, ...part };
  };

  useWaveform(box, entries, formatText.value, workspace.theme.isDark.value);
  const player = usePlayer(entries, formatText.value, isPlaying.value, volume);

  return (
    <>
      <div ref={box} class="plot wave" role="img" aria-label={`The last ${SECONDS} seconds of ${name}`} />
      {hasSpectrogram.value && (
        <Spectrogram {...{ entries, name }} formatText={formatText.value} seconds={SECONDS} />
      )}
      <div class="below choices">
        <button
          type="button"
          aria-pressed={isPlaying.value}
          onClick={() => (isPlaying.value = !isPlaying.value)}
        >
          {isPlaying.value ? "Mute" : "Listen"}
        </button>
        <button
          type="button"
          aria-pressed={hasSpectrogram.value}
          onClick={() => (hasSpectrogram.value = !hasSpectrogram.value)}
        >
          Spectrogram
        </button>
        <label class="volume">
          <span class="word">Volume</span>
          <input
            type="range"
            aria-label="Volume"
            min={0}
            max={1}
            step={0.05}
            value={volume.value}
            onInput={({ currentTarget }) => {
              volume.value = Number(currentTarget.value);
              player.current?.setVolume(volume.value);
            }}
          />
        </label>
        <Menu
          label="Sample format"
          icon="sliders"
          text={`${pcm.format}, ${countText(pcm.rate)} Hz`}
          side="up"
        >
          {() => <FormatFields pcm={pcm} choose={choose} />}
        </Menu>
      </div>
    </>
  );
}

/** Draws the waveform of the last seconds into an element. @param formatText the format as JSON, which is compared as a whole */
function useWaveform(
  box: RefObject<HTMLElement | null>,
  entries: Entries,
  formatText: string,
  isDark: boolean,
): void {
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const format: PcmFormat = JSON.parse(formatText);
    const plot = createLivePlot(element, {
      lines: [{ label: "sound", colour: 0 }],
      range: [-1, 1],
      isTime: false,
    });
    const stop = entries.subscribe((all) => plot.show(() => waveform(all, format)));
    return () => {
      stop();
      plot.destroy();
    };
  }, [entries, formatText, isDark]);
}

/** Plays arriving entries while `isPlaying`. @returns the player; undefined while it is off */
function usePlayer(
  entries: Entries,
  formatText: string,
  isPlaying: boolean,
  volume: ReadonlySignal<number>,
): RefObject<AudioPlayer | undefined> {
  const player = useRef<AudioPlayer | undefined>(undefined);
  useEffect(() => {
    if (!isPlaying) return;
    const format: PcmFormat = JSON.parse(formatText);
    const opened = createAudioPlayer();
    player.current = opened;
    opened.setVolume(volume.peek());
    let last = entries.peek().at(-1);
    const stop = entries.subscribe((all) => {
      for (const entry of entriesAfter(all, last)) opened.play(channelsOf(entry.data, format), format.rate);
      last = all.at(-1);
    });
    return () => {
      stop();
      opened.stop();
      player.current = undefined;
    };
  }, [entries, formatText, isPlaying]);
  return player;
}

/**
 * Returns the waveform of the first channel over the last seconds, ending at 0. Each column has its minimum and maximum, so
 * that no peak is lost.
 */
export function waveform(entries: readonly PulledEntry[], format: PcmFormat): uPlot.AlignedData {
  const wanted = SECONDS * format.rate;
  const chunks: Float32Array[] = [];
  let have = 0;
  for (let i = entries.length - 1; i >= 0 && have < wanted; i--) {
    const entry = entries[i];
    const samples = entry === undefined ? new Float32Array() : firstChannel(entry.data, format);
    chunks.unshift(samples);
    have += samples.length;
  }
  const perColumn = Math.max(1, Math.ceil(wanted / COLUMNS));
  const times: number[] = [];
  const values: number[] = [];
  let min = 0;
  let max = 0;
  let n = 0;
  for (const samples of chunks)
    for (const sample of samples) {
      min = n % perColumn === 0 ? sample : Math.min(min, sample);
      max = n % perColumn === 0 ? sample : Math.max(max, sample);
      n++;
      if (n % perColumn === 0 || n === have) {
        const time = (n - have) / format.rate;
        times.push(time, time);
        values.push(min, max);
      }
    }
  return [times, values];
}
