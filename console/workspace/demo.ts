/** The demo device that the gateway plays (docs/protocol.md, "The demo device"). */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { StreamInfo } from "../../client/browser.ts";
import { isObject } from "../../client/gateway/graphql.ts";
import { gatewayRequest } from "../page/gateway-request.ts";
import { may, type Session } from "../shell/session.ts";

/** Whether the user may start and stop a device. The gateway decides by all of its streams. */
export const mayPlay = (session: Session | undefined, device: string): boolean =>
  may(session, "write", `${device}:camera`);

/** Device id that the gateway uses if none is named. */
export const DEMO_DEVICE = "rover";

/** Streams of the demo device. */
export const DEMO_STREAM_NAMES = ["camera", "detections", "imu", "mic", "gps", "state", "log"] as const;

/** State of the demo device. */
export interface DemoState {
  /** Whether the gateway permits a demo device. */
  readonly isEnabled: boolean;
  /** Device that is being played. */
  readonly device: string | undefined;
}

/** Action on the demo device of the stream list that the gateway allows. */
export interface DemoOffer {
  readonly device: string;
  readonly action: "start" | "stop";
}

/** Returns the offer: to stop the device, or, if its streams show that it was played before, to play it again. */
export function demoOffer(
  state: DemoState | undefined,
  session: Session | undefined,
  streams: readonly Pick<StreamInfo, "device" | "stream">[],
): DemoOffer | undefined {
  const { device = DEMO_DEVICE } = state ?? {};
  if (state === undefined || !mayPlay(session, device)) return undefined;
  if (state.device !== undefined) return { device, action: "stop" };
  const names = new Set(streams.filter((one) => one.device === device).map(({ stream }) => stream));
  const wasPlayed = DEMO_STREAM_NAMES.every((name) => names.has(name));
  return state.isEnabled && wasPlayed ? { device, action: "start" } : undefined;
}

/** The demo device, as this page knows it. */
export interface Demo {
  /** Undefined until it is known, or if the gateway does not respond. */
  readonly state: ReadonlySignal<DemoState | undefined>;
  /** Reads the state. @throws Error with the gateway's message */
  read(): Promise<void>;
  /** Starts it. @throws Error with the gateway's message */
  start(): Promise<void>;
  /** Stops it. @throws Error with the gateway's message */
  stop(): Promise<void>;
}

/** Reads the state. Afterwards it changes with the actions of this page. */
export function openDemo(): Demo {
  const state = signal<DemoState | undefined>(undefined);
  const read = async () => {
    state.value = demoStateOf(await gatewayRequest("demo", { method: "GET" }));
  };
  read().catch(() => undefined);
  return {
    state,
    read,
    async start() {
      await gatewayRequest("demo", { method: "POST" });
      await read();
    },
    async stop() {
      await gatewayRequest("demo", { method: "DELETE" });
      await read();
    },
  };
}

/** Reads a response; undefined if it has another form. */
export function demoStateOf(value: unknown): DemoState | undefined {
  if (!isObject(value) || typeof value.enabled !== "boolean") return undefined;
  const { enabled, device } = value;
  const isPlaying = isObject(device) && device.state === "playing" && typeof device.device === "string";
  return { isEnabled: enabled, device: isPlaying ? String(device.device) : undefined };
}
