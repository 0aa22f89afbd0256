/** Position by GPS, as JSON in the shape of `foxglove.LocationFix`, whose members viewers put on a map. */
import type { Declaration } from "../../../client/browser.ts";
import type { CaptureOutput, OpenCapture } from "./capture.ts";

/** Position as `foxglove.LocationFix`. Members that the device does not know are absent. */
export interface Fix {
  readonly timestamp: { readonly sec: number; readonly nsec: number };
  readonly latitude: number;
  readonly longitude: number;
  /** Radius that contains the position with a probability of 95 %, m. */
  readonly accuracy: number;
  readonly altitude?: number;
  readonly altitude_accuracy?: number;
  /** Clockwise from north. */
  readonly heading?: number;
  readonly speed?: number;
}

const UNITS = {
  latitude: "deg",
  longitude: "deg",
  accuracy: "m",
  altitude: "m",
  altitude_accuracy: "m",
  heading: "deg",
  speed: "m/s",
} as const;

const NUMBER = { type: "number" };

/** Content of the stream. */
export const POSITION_DECLARATION: Declaration = {
  contentType: "application/json",
  schema: {
    name: "foxglove.LocationFix",
    encoding: "jsonschema",
    data: JSON.stringify({
      type: "object",
      properties: {
        timestamp: { type: "object", properties: { sec: { type: "integer" }, nsec: { type: "integer" } } },
        ...Object.fromEntries(Object.keys(UNITS).map((name) => [name, NUMBER])),
      },
    }),
  },
  units: UNITS,
};

/** The part of the browser's position that is used. */
export interface KnownPosition {
  readonly timestamp: number;
  readonly coords: Omit<GeolocationCoordinates, "toJSON">;
}

/** Converts a position. */
export function fixOf({ timestamp, coords }: KnownPosition): Fix {
  const { altitude, altitudeAccuracy, heading, speed } = coords;
  const ms = Math.floor(timestamp);
  const optional = { altitude, altitude_accuracy: altitudeAccuracy, heading, speed };
  return {
    timestamp: { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 },
    latitude: coords.latitude,
    longitude: coords.longitude,
    accuracy: coords.accuracy,
    // The heading of a device that does not move is NaN, which JSON cannot express.
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => Number.isFinite(value))),
  };
}

const WAITING = "No position yet. Outdoors it takes a few seconds; inside it may take longer.";

/** Opens the GPS. */
export async function openPosition(_options: object, output: CaptureOutput): Promise<OpenCapture> {
  const watch = navigator.geolocation.watchPosition(
    (position) => {
      const { latitude, longitude, accuracy } = position.coords;
      output.reading(`${latitude.toFixed(5)}, ${longitude.toFixed(5)} ± ${Math.round(accuracy)} m`);
      output.entry(JSON.stringify(fixOf(position)));
    },
    (error) => {
      // Other errors are temporary: the browser continues to look for a position.
      if (error.code === error.PERMISSION_DENIED)
        output.ended(new DOMException(error.message, "NotAllowedError"));
      else output.waits(WAITING);
    },
    { enableHighAccuracy: true, maximumAge: 0 },
  );
  output.waits(WAITING);
  return { declaration: POSITION_DECLARATION, stop: () => navigator.geolocation.clearWatch(watch) };
}
