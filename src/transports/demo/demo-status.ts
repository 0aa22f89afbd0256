/** The demo device as clients see it: `docs/protocol.md`, "The demo device". Can be encoded as JSON. */
import type { Owner } from "../../access/owner.ts";
import { DEMO_STREAMS } from "../../demo/demo-entries.ts";

/** Status of a demo device. */
export interface DemoStatus {
  readonly device: string;
  /** Keys of its streams. */
  readonly streams: readonly string[];
  /** `failed`: its entries can no longer be stored. */
  readonly state: "playing" | "failed";
  /** Why its newest entries are not stored; null if they are. */
  readonly error: string | null;
  readonly started: string;
  /** Entries that are stored, and that are lost. */
  readonly stored: number;
  readonly notStored: number;
  readonly owner: string;
}

/** Operations on the demo device. Permissions are checked before. */
export interface Demo {
  /** Returns the device that is being played or has failed; null if there is none. */
  status(): Promise<DemoStatus | null>;
  /** Plays a device in place of another one; the same device continues. @throws GatewayError */
  start(device: string, owner: Owner): Promise<DemoStatus>;
  /** Stops the device. */
  stop(): Promise<void>;
}

/** Returns the keys of the streams of a device. */
export const demoKeys = (device: string): readonly string[] =>
  DEMO_STREAMS.map((stream) => `${device}:${stream}`);
