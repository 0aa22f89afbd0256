/** Availability of sensors: why this page cannot use one, before it requests a permission. */

/** Features of browsers that the sources use. */
export const FEATURES = ["camera", "microphone", "motion", "position"] as const;

/** One of `FEATURES`. */
export type Feature = (typeof FEATURES)[number];

/** Features of the browser that this page can use. */
export interface Browser {
  /** Whether the page was loaded by HTTPS, or from this computer. */
  readonly isSecure: boolean;
  readonly features: ReadonlySet<Feature>;
}

/** Returns why a source cannot be used; undefined if it can. */
export function unavailable({ isSecure, features }: Browser, feature: Feature): string | undefined {
  if (!isSecure) return "Not available: browsers permit this only on pages that were loaded by HTTPS.";
  if (!features.has(feature)) return "Not available: this browser has no access to it.";
  return undefined;
}

/** Reads the features of the browser of this page. */
export function thisBrowser(): Browser {
  const hasMedia = navigator.mediaDevices !== undefined;
  const has: Readonly<Record<Feature, boolean>> = {
    camera: hasMedia,
    microphone: hasMedia && "AudioWorkletNode" in globalThis,
    motion: "DeviceMotionEvent" in globalThis,
    position: "geolocation" in navigator,
  };
  return { isSecure: isSecureContext, features: new Set(FEATURES.filter((feature) => has[feature])) };
}
