/** What goes on at a gateway beside entries: devices that come and go, and what it counts. */
import type { CommonOptions, Gateway } from "./gateway.ts";
import { ask, isObject, type JsonObject, objectsOf } from "./graphql.ts";
import { request } from "./request.ts";

/** A device came or went, or its metadata changed. */
export interface DeviceEvent {
  /** The event's entry id. */
  readonly id: string;
  /** When, ms since 1970. */
  readonly timeMs: number;
  readonly what: "connected" | "disconnected" | "meta";
  readonly device: string;
  /** The device's metadata, where the event tells it. */
  readonly meta: unknown;
}

/** Which events. */
export interface EventsOptions extends Pick<CommonOptions, "signal"> {
  /** The newest so many of each kind. @default 100 */
  readonly count?: number | undefined;
}

/** What goes on. All throw `StreamerError`, or the signal's reason. */
export interface Watch {
  /** What the system's streams tell of devices, oldest first. It takes a permission to read these streams. */
  events(options?: EventsOptions): Promise<readonly DeviceEvent[]>;
  /**
   * What the gateway counts, by Prometheus' names with their labels: `redis_streamer_readers`,
   * `redis_streamer_connections{kind="push"}`. It takes a permission to read the metrics.
   */
  metrics(options?: Pick<CommonOptions, "signal">): Promise<ReadonlyMap<string, number>>;
}

/** Makes the watch of a gateway. */
export function createWatch(gateway: Gateway): Watch {
  return {
    async events({ count = 100, signal } = {}) {
      const query = `query($n: Int) {
        came: stream(id: ":event:device.connected") { entries(first: $n, reverse: true) { nodes { id json } } }
        meta: stream(id: ":event:device.meta") { entries(first: $n, reverse: true) { nodes { id json } } }
      }`;
      const { came, meta } = await ask(gateway, query, { n: count }, signal);
      const events = [
        ...nodesOf(came).map((node) => eventOf(node, connection)),
        ...nodesOf(meta).map((node) => eventOf(node, () => "meta")),
      ];
      return events.sort((a, b) => a.timeMs - b.timeMs);
    },

    async metrics({ signal } = {}) {
      const { body } = await request(gateway, gateway.address.http("metrics", {}), { signal });
      return parseMetrics(new TextDecoder().decode(body));
    },
  };
}

/** The numbers of a metrics page (Prometheus' text format). */
function parseMetrics(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split("\n")) {
    // A label's value may hold spaces; the number does not.
    const [, name, value] = /^([^#\s].*?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) numbers.set(name, Number(value));
  }
  return numbers;
}

function nodesOf(stream: unknown): readonly JsonObject[] {
  const entries = isObject(stream) ? stream.entries : undefined;
  return isObject(entries) ? objectsOf(entries.nodes) : [];
}

const connection = ({ connected }: JsonObject) => (connected === true ? "connected" : "disconnected");

function eventOf({ id, json }: JsonObject, whatOf: (told: JsonObject) => DeviceEvent["what"]): DeviceEvent {
  const told = isObject(json) ? json : {};
  return {
    id: String(id),
    timeMs: Number.parseInt(String(id), 10),
    what: whatOf(told),
    device: String(told.device_id),
    meta: told.meta,
  };
}
