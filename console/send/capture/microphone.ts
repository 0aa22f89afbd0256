/** Microphone: 16-bit PCM of one channel, in entries of a tenth of a second. */
import { type CaptureOutput, type OpenCapture, OUTDATED_PAGE } from "./capture.ts";
import { levelText, type PcmChunk } from "./pcm-chunks.ts";
import workletUrl from "./pcm-worklet.ts?worker&url";

/** Selectable sample rates. */
export const SOUND_RATES = [8000, 16_000, 48_000] as const;

/** Choices of the user. */
export interface MicrophoneOptions {
  readonly rate: (typeof SOUND_RATES)[number];
}

/** Entries per second. */
const CHUNKS_PER_SECOND = 10;

/** Opens the microphone. Its sound is not processed: no suppression of echo or noise, no automatic gain. */
export async function openMicrophone(
  { rate }: MicrophoneOptions,
  output: CaptureOutput,
): Promise<OpenCapture> {
  const media = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const stopMedia = () => {
    for (const track of media.getTracks()) track.stop();
  };
  let opened: readonly [AudioContext, MediaStreamAudioSourceNode] | undefined;
  try {
    opened = openContext(media, rate);
    const [context, source] = opened;
    await context.audioWorklet.addModule(workletUrl).catch((cause: unknown) => {
      throw new Error(OUTDATED_PAGE, { cause });
    });
    const node = new AudioWorkletNode(context, "pcm", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { samples: Math.round(context.sampleRate / CHUNKS_PER_SECOND) },
    });
    node.port.onmessage = ({ data: { data, peak } }: MessageEvent<PcmChunk>) => {
      output.reading(levelText(peak));
      output.entry(data);
    };
    // Only nodes that lead to the destination run. This one's output is silent.
    source.connect(node).connect(context.destination);
    await context.resume();
    context.onstatechange = () => {
      if (context.state !== "running") output.waits("The system has paused the microphone.");
    };
    for (const track of media.getAudioTracks())
      track.onended = () =>
        output.ended(new Error("The microphone was disconnected, or another program took it."));
    return {
      declaration: { contentType: `audio/L16;rate=${context.sampleRate};channels=1` },
      stop() {
        context.onstatechange = null;
        node.port.onmessage = null;
        stopMedia();
        void context.close();
      },
    };
  } catch (error) {
    stopMedia();
    void opened?.[0].close();
    throw error;
  }
}

/** Creates a context with the chosen rate, or, in browsers that do not convert the rate of a microphone, with its own. */
function openContext(
  media: MediaStream,
  sampleRate: number,
): readonly [AudioContext, MediaStreamAudioSourceNode] {
  const context = new AudioContext({ sampleRate });
  try {
    return [context, context.createMediaStreamSource(media)];
  } catch {
    void context.close();
    const plain = new AudioContext();
    return [plain, plain.createMediaStreamSource(media)];
  }
}
