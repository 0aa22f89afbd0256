/** Joins samples of sound to entries: 16-bit PCM, big-endian as `audio/L16` defines (RFC 2586). */

/** A part of a second, which becomes an entry. */
export interface PcmChunk {
  readonly data: Uint8Array<ArrayBuffer>;
  /** Largest magnitude, from 0 to 1. */
  readonly peak: number;
}

/** Collects the samples of one channel. */
export class PcmChunks {
  readonly #samples: number;
  #view: DataView<ArrayBuffer>;
  #count = 0;
  #peak = 0;

  /** @param samples number in a chunk */
  constructor(samples: number) {
    this.#samples = samples;
    this.#view = new DataView(new ArrayBuffer(samples * 2));
  }

  /** Adds samples from -1 to 1; louder ones are clipped. @returns the chunks that are complete */
  add(samples: Float32Array): readonly PcmChunk[] {
    const complete: PcmChunk[] = [];
    for (const sample of samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.#peak = Math.max(this.#peak, Math.abs(clipped));
      this.#view.setInt16(this.#count * 2, Math.round(clipped * 0x7fff));
      this.#count++;
      if (this.#count === this.#samples) complete.push(this.#take());
    }
    return complete;
  }

  #take(): PcmChunk {
    const chunk = { data: new Uint8Array(this.#view.buffer), peak: this.#peak };
    this.#view = new DataView(new ArrayBuffer(this.#samples * 2));
    this.#count = 0;
    this.#peak = 0;
    return chunk;
  }
}

/** Formats a peak as its level below the loudest possible, in decibels. */
export const levelText = (peak: number): string =>
  peak === 0 ? "silence" : `level ${Math.round(20 * Math.log10(peak))} dB`;
