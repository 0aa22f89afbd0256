/** Spectrogram of the last seconds of a sound. */
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../../client/browser.ts";
import type { PcmFormat } from "../../../src/domain/content/pcm.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { firstChannel } from "./pcm.ts";
import { drawSpectrogram } from "./spectrogram-canvas.ts";
import { SpectrogramColumns } from "./spectrogram-columns.ts";

/** Interval at which it is drawn, ms. */
const UPDATE_MS = 100;
const COLUMNS = 400;

interface SpectrogramProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
  /** The format as JSON, which is compared as a whole. */
  readonly formatText: string;
  readonly seconds: number;
}

/** Renders the spectrogram with its frequencies. */
export function Spectrogram({ entries, name, formatText, seconds }: SpectrogramProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const throttled = useThrottled(entries, UPDATE_MS);
  const { rate }: PcmFormat = JSON.parse(formatText);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const format: PcmFormat = JSON.parse(formatText);
    const columns = new SpectrogramColumns({
      rate: format.rate,
      seconds,
      columns: COLUMNS,
      samplesOf: ({ data }) => firstChannel(data, format),
    });
    return throttled.subscribe((all) => drawSpectrogram(element, columns.follow(all), COLUMNS));
  }, [throttled, formatText, seconds]);
  return (
    <div class="spectrogram">
      <canvas
        ref={canvas}
        class="spectrogram-canvas"
        role="img"
        aria-label={`Frequencies of the last ${seconds} seconds of ${name}`}
      />
      <span class="frequency top-label">{frequencyText(rate / 2)}</span>
      <span class="frequency middle-label">{frequencyText(rate / 4)}</span>
    </div>
  );
}

const frequencyText = (hertz: number): string =>
  hertz < 1000 ? `${Math.round(hertz)} Hz` : `${Number((hertz / 1000).toFixed(1))} kHz`;
