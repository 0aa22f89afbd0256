/** Columns of a spectrogram: one spectrum for each part of the last seconds. Each sample is transformed once or a few times. */
import type { PulledEntry } from "../../../client/browser.ts";
import { entriesAfter } from "../content.ts";
import { SPECTRUM_SAMPLES, spectrumOf } from "./spectrum.ts";

/** Options of a spectrogram. */
export interface SpectrogramOptions {
  /** Samples per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Number of columns in these seconds. */
  readonly columns: number;
  /** Returns the samples of an entry, from -1 to 1. */
  readonly samplesOf: (entry: PulledEntry) => Float32Array;
}

/** Columns that follow a window of entries. */
export class SpectrogramColumns {
  readonly #options: SpectrogramOptions;
  /** Samples between two columns. */
  readonly #step: number;
  #last: PulledEntry | undefined;
  #columns: Uint8Array[] = [];
  /** Samples from the beginning of the next column on. */
  #rest = new Float32Array();

  constructor(options: SpectrogramOptions) {
    this.#options = options;
    this.#step = Math.max(1, Math.round((options.rate * options.seconds) / options.columns));
  }

  /** Takes the current window. @returns the columns, oldest first */
  follow(entries: readonly PulledEntry[]): readonly Uint8Array[] {
    const isContinued = this.#last !== undefined && entries.includes(this.#last);
    if (!isContinued) {
      this.#columns = [];
      this.#rest = new Float32Array();
    }
    const fresh = entriesAfter(entries, isContinued ? this.#last : undefined);
    this.#last = entries.at(-1);
    for (const samples of this.#newest(fresh)) this.#add(samples);
    this.#columns = this.#columns.slice(-this.#options.columns);
    return this.#columns;
  }

  /** Returns the samples of the newest entries that fill all columns. */
  #newest(entries: readonly PulledEntry[]): readonly Float32Array[] {
    const wanted = this.#step * this.#options.columns + SPECTRUM_SAMPLES;
    const found: Float32Array[] = [];
    let count = 0;
    for (let i = entries.length - 1; i >= 0 && count < wanted; i--) {
      const entry = entries[i];
      if (entry === undefined) break;
      const samples = this.#options.samplesOf(entry);
      found.unshift(samples);
      count += samples.length;
    }
    return found;
  }

  #add(samples: Float32Array): void {
    const all = new Float32Array(this.#rest.length + samples.length);
    all.set(this.#rest);
    all.set(samples, this.#rest.length);
    let from = 0;
    for (; from + SPECTRUM_SAMPLES <= all.length; from += this.#step)
      this.#columns.push(spectrumOf(all.subarray(from, from + SPECTRUM_SAMPLES)));
    this.#rest = all.slice(from);
  }
}
