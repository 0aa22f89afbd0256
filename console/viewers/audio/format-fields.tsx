/** Fields of the sample format, for sound without a description. */
import { type PcmFormat, SAMPLE_FORMATS } from "../../../src/domain/content/pcm.ts";

const RATES = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
const MAX_CHOSEN_CHANNELS = 8;

interface FormatFieldsProps {
  readonly pcm: PcmFormat;
  readonly choose: (part: Partial<PcmFormat>) => void;
}

/** Renders fields of the sample format, the sample rate and the number of channels. */
export function FormatFields({ pcm, choose }: FormatFieldsProps) {
  return (
    <>
      <label>
        Samples{" "}
        <select
          value={pcm.format}
          onChange={({ currentTarget }) =>
            choose({ format: SAMPLE_FORMATS.find((one) => one === currentTarget.value) ?? "s16" })
          }
        >
          {SAMPLE_FORMATS.map((format) => (
            <option key={format}>{format}</option>
          ))}
        </select>
      </label>
      <label>
        Hz{" "}
        <select
          value={String(pcm.rate)}
          onChange={({ currentTarget }) => choose({ rate: Number(currentTarget.value) })}
        >
          {[...new Set([...RATES, pcm.rate])]
            .sort((a, b) => a - b)
            .map((rate) => (
              <option key={rate} value={String(rate)}>
                {rate}
              </option>
            ))}
        </select>
      </label>
      <label>
        Channels{" "}
        <input
          type="number"
          min={1}
          max={MAX_CHOSEN_CHANNELS}
          value={pcm.channels}
          onChange={({ currentTarget }) => {
            const channels = Number(currentTarget.value);
            if (Number.isInteger(channels) && channels >= 1 && channels <= MAX_CHOSEN_CHANNELS)
              choose({ channels });
          }}
        />
      </label>
    </>
  );
}
