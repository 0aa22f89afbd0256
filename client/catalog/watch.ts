/** Device events and metrics of a gateway. */
import type { CommonOptions, Gateway } from "../gateway/gateway.ts";
import { execute, isObject, type JsonObject, objectsOf } from "../gateway/graphql.ts";
import { request } from "../gateway/request.ts";

/** A device connected or disconnected, or its metadata changed. */
export interface DeviceEvent {
  /** Entry id of the event. */
  readonly id: string;
  /** Time of the event, Unix ms. */
  readonly timeMs: number;
  readonly what: "connected" | "disconnected" | "meta";
  readonly device: string;
  /** Metadata of the device, if the event contains it. */
  readonly meta: unknown;
}

/** Options of `events`. */
export interface EventsOptions extends Pick<CommonOptions, "signal"> {
  /** Maximum number of events of each kind, newest first. @default 100 */
  readonly count?: number | undefined;
}

/** Events and metrics. All methods throw StreamerError, or the signal's reason. */
export interface Watch {
  /** Returns device events, oldest first. Requires permission to read the `:event:` streams. */
  events(options?: EventsOptions): Promise<readonly DeviceEvent[]>;
  /**
   * Returns the gateway's metrics by Prometheus name and labels: `redis_streamer_readers`,
   * `redis_streamer_connections{kind="push"}`. Requires permission to read the metrics.
   */
  metrics(options?: Pick<CommonOptions, "signal">): Promise<ReadonlyMap<string, number>>;
}

/** Creates the watch of a gateway. */
export function createWatch(gateway: Gateway): Watch {
  return {
    async events({ count = 100, signal } = {}) {
      const query = `query($n: Int) {
        connections: stream(id: ":event:device.connected") { entries(first: $n, reverse: true) { nodes { id json } } }
        meta: stream(id: ":event:device.meta") { entries(first: $n, reverse: true) { nodes { id json } } }
      }`;
      const { connections, meta } = await execute(gateway, query, { n: count }, signal);
      const events = [
        ...nodesOf(connections).map((node) => eventOf(node, connectionKind)),
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

/** Parses the Prometheus text format. */
function parseMetrics(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split("\n")) {
    // A label value may contain spaces; the number does not.
    const [, name, value] = /^([^#\s].*?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) numbers.set(name, Number(value));
  }
  return numbers;
}

function nodesOf(stream: unknown): readonly JsonObject[] {
  const entries = isObject(stream) ? stream.entries : undefined;
  return isObject(entries) ? objectsOf(entries.nodes) : [];
}

const connectionKind = ({ connected }: JsonObject) => (connected === true ? "connected" : "disconnected");

function eventOf(
  { id, json }: JsonObject,
  whatOf: (payload: JsonObject) => DeviceEvent["what"],
): DeviceEvent {
  const payload = isObject(json) ? json : {};
  return {
    id: String(id),
    timeMs: Number.parseInt(String(id), 10),
    what: whatOf(payload),
    device: String(payload.device_id),
    meta: payload.meta,
  };
}
