/** Positions of GPS fixes: latitude and longitude of an entry, by the usual names of their fields. */
import type { PulledEntry } from "../../../client/browser.ts";
import { entriesAfter, numbersOf } from "../content.ts";
import { remembered } from "../remembered.ts";
import { pathsBy } from "./paths.ts";

/** A position, degrees. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

/** Names of the fields, in the order of preference. */
const LATITUDE = ["latitude", "lat"] as const;
const LONGITUDE = ["longitude", "lon", "lng", "long"] as const;

/** Returns the position of an entry; undefined if it has none, or an invalid one. */
export const positionOf = remembered((entry) => readPosition(numbersOf(entry)));

/** Finds both coordinates beside each other, also inside of an object such as `fix`. */
function readPosition(numbers: ReadonlyMap<string, number>): Position | undefined {
  for (const [path, latitude] of numbers) {
    const at = path.lastIndexOf(".") + 1;
    const name = path.slice(at).toLowerCase();
    if (!LATITUDE.some((one) => one === name)) continue;
    const prefix = path.slice(0, at);
    for (const [other, longitude] of numbers) {
      const isBeside = other.lastIndexOf(".") + 1 === at && other.startsWith(prefix);
      const otherName = other.slice(at).toLowerCase();
      if (isBeside && LONGITUDE.some((one) => one === otherName) && isValid(latitude, longitude))
        return { latitude, longitude };
    }
  }
  return undefined;
}

/** A receiver without a fix sends zeros. */
const isValid = (latitude: number, longitude: number): boolean =>
  Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && (latitude !== 0 || longitude !== 0);

/** A part of the track: positions without a gap between them. */
export type Path = readonly Position[];

/** Returns the paths of entries. A gap begins another path. */
export const pathsOf = (entries: readonly PulledEntry[]): readonly Path[] => pathsBy(entries, positionOf);

/** Largest number of positions that a track keeps. */
const MAX_KEPT = 20_000;

/**
 * Entries of the track. It keeps those that left the window of the feed, because a track is long and its entries are small;
 * another moment of the past begins another track.
 */
export class TrackEntries {
  #kept: readonly PulledEntry[] = [];

  /** Takes the current window. @returns all entries of the track */
  follow(window: readonly PulledEntry[]): readonly PulledEntry[] {
    const [oldest] = window;
    const last = this.#kept.at(-1);
    const isContinued = oldest !== undefined && last !== undefined && window.includes(last);
    this.#kept = isContinued ? [...this.#kept, ...entriesAfter(window, last)].slice(-MAX_KEPT) : window;
    return this.#kept;
  }
}
