/** Audio worklet: receives the samples of the microphone on the audio thread, and passes them to the page in chunks. */
import { PcmChunks } from "./pcm-chunks.ts";

/** Name of the processor. */
const NAME = "pcm";

/** The part of the scope of an audio worklet that is used: TypeScript has no types for it. */
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: AudioWorkletNodeOptions) => AudioWorkletProcessor,
): void;

class PcmProcessor extends AudioWorkletProcessor {
  readonly #chunks: PcmChunks;

  constructor({ processorOptions }: AudioWorkletNodeOptions) {
    super();
    const { samples }: { readonly samples: number } = processorOptions;
    this.#chunks = new PcmChunks(samples);
  }

  /** @returns true, so that the processor remains active while there is no input */
  process([input]: readonly (readonly Float32Array[])[]): boolean {
    const channel = input?.[0];
    if (channel !== undefined)
      for (const chunk of this.#chunks.add(channel)) this.port.postMessage(chunk, [chunk.data.buffer]);
    return true;
  }
}

registerProcessor(NAME, PcmProcessor);
