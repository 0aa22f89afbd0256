/** Plan of a run, derived from its seed: the settings, the pushers and readers, and the schedule of faults. */
import { KINDS, type Kind } from "../soak/follow.ts";
import { createRandom } from "./random.ts";

/** Message form of a pusher: single messages, or batches with a header or as JSON. */
export type PushForm = "raw" | "header" | "json";

/** One pusher. */
export interface PlannedPusher {
  readonly stream: string;
  readonly form: PushForm;
  /** Index of its first gateway; each reconnection uses the next one. */
  readonly gateway: number;
  /** Entries in each batch. */
  readonly batch: number;
  /** Time between two batches, in ms. */
  readonly everyMs: number;
  readonly entryBytes: number;
  /** Whether it sends unacknowledged entries again after it reconnects, with `dedupe`. */
  readonly repeats: boolean;
}

/** One reader. */
export interface PlannedReader {
  readonly stream: string;
  readonly kind: Kind;
  /** Index of its first gateway; each reconnection uses the next one. */
  readonly gateway: number;
  readonly from: "0" | "$";
}

/** One reader of a pattern that selects all streams. */
export type PlannedPatternReader = Pick<PlannedReader, "gateway" | "from">;

/** One reader that plays back all streams. */
export interface PlannedPlaybackReader {
  readonly gateway: number;
  /** Whether it skips entries that are late. */
  readonly latest: boolean;
}

/** One pusher with the Python package. */
export interface PlannedPythonPusher
  extends Pick<PlannedPusher, "stream" | "gateway" | "batch" | "everyMs" | "entryBytes"> {
  readonly dedupe: boolean;
  /** Seed of its cut connections. */
  readonly seed: number;
}

/** One reader with the Python package. */
export interface PlannedPythonReader extends Pick<PlannedReader, "gateway" | "from"> {
  /** Names, joined by a plus, or the pattern that selects all streams. */
  readonly streams: string;
  readonly latest: boolean;
  /** Whether it sleeps between entries. */
  readonly isSlow: boolean;
  /** Seed of its sleep and its cut connections. */
  readonly seed: number;
}

/** A fault. `ms` is its duration. */
export type Fault =
  | {
      readonly what: "kill gateway" | "stop gateway" | "freeze gateway";
      readonly gateway: number;
      readonly ms: number;
    }
  | { readonly what: "kill redis" | "freeze redis"; readonly ms: number }
  | { readonly what: "cut redis connections" }
  | { readonly what: "pusher vanishes"; readonly pusher: number }
  | ClusterFault;

/** A fault in a cluster, on the node that owns the stream's slot. */
export type ClusterFault =
  | { readonly what: "move slot" | "fail over"; readonly stream: string }
  | { readonly what: "kill master" | "freeze master"; readonly stream: string; readonly ms: number };

/** Whether a fault applies to a cluster. */
export const isOfCluster = (fault: Fault): fault is ClusterFault => "stream" in fault;

/** Plan of a whole run, determined by the seed and the duration. */
export interface Plan {
  readonly seed: number;
  readonly ms: number;
  readonly gateways: number;
  /** Whether Redis is a cluster. */
  readonly isCluster: boolean;
  /** Settings of all gateways, by their environment variables. */
  readonly settings: Readonly<Record<string, string>>;
  readonly pushers: readonly PlannedPusher[];
  readonly readers: readonly PlannedReader[];
  readonly patternReaders: readonly PlannedPatternReader[];
  readonly playbackReaders: readonly PlannedPlaybackReader[];
  readonly pythonPushers: readonly PlannedPythonPusher[];
  readonly pythonReaders: readonly PlannedPythonReader[];
  /** In order; each one starts its delay after the previous one has ended. */
  readonly faults: readonly { readonly afterMs: number; readonly fault: Fault }[];
}

const STREAMS = 3;
const PUSHERS = 5;
/** Seeds are below this bound. Later additions draw from seeds above it, so that the rest of an existing plan does not change. */
const SILENCE_SEEDS = 2 ** 31;
const CLUSTER_SEEDS = 3 * 2 ** 30;
const PATTERN_SEEDS = 7 * 2 ** 29;
const PLAYBACK_SEEDS = 13 * 2 ** 28;
const PYTHON_SEEDS = 15 * 2 ** 28;

/** Creates a plan. @param ms how long pushers push */
export function planOf(seed: number, ms: number): Plan {
  const random = createRandom(seed);
  const gateways = random.one([1, 2, 2]);
  const aGateway = () => Math.floor(random.fraction() * gateways);
  const streams = Array.from({ length: STREAMS }, (_, i) => `s${i}`);
  const settings = {
    REDIS_STREAM_MAXLEN: random.one(["0", "0", "0", "300"]),
    REDIS_TAIL: random.one(["auto", "auto", "blocking"]),
    REDIS_WAIT_MS: random.one(["300", "2000", "10000"]),
    SEND_HIGH_WATER_BYTES: random.one(["64k", "1m"]),
    PAGE_BYTES: random.one(["1k", "16k", "256k"]),
    RECENT_BYTES: random.one(["0", "64k", "16m"]),
    PUSH_IN_FLIGHT_BYTES: random.one(["64k", "4m"]),
    MAX_BATCH_ENTRIES: "1000000",
    // Drawn from a separate source, so that the rest of an existing plan does not change.
    REDIS_SILENCE_MS: createRandom(seed + SILENCE_SEEDS).one(["30000", "1000"]),
  };
  const pushers = Array.from({ length: PUSHERS }, (_, i): PlannedPusher => {
    const form = random.one(["raw", "header", "json"] as const);
    const batch = form === "raw" ? 1 : random.one([1, 3, 20]);
    return {
      stream: i < STREAMS ? (streams[i] ?? "s0") : random.one(streams),
      form,
      gateway: aGateway(),
      batch,
      // Limits the load so that slow readers reach the end, too.
      everyMs: batch * random.one([4, 10, 25]),
      entryBytes: random.one([40, 40, 400, 5000]),
      repeats: random.one([false, true]),
    };
  });
  const readers = streams.flatMap((stream) =>
    KINDS.map((kind): PlannedReader => {
      // Without ids a reader cannot resume, so it starts again from the beginning.
      const from = kind === "raw" ? "0" : random.one(["0", "$"] as const);
      return { stream, kind, gateway: aGateway(), from };
    }),
  );
  const faults: Plan["faults"][number][] = [];
  for (let at = 0; ; ) {
    const afterMs = Math.round(random.between(50, 1500));
    const duration = Math.round(random.between(1, random.one([20, 500, 3000])));
    const fault = random.one<() => Fault>([
      () => ({ what: "kill gateway", gateway: aGateway(), ms: duration }),
      () => ({ what: "stop gateway", gateway: aGateway(), ms: duration }),
      () => ({ what: "freeze gateway", gateway: aGateway(), ms: duration }),
      () => ({ what: "kill redis", ms: duration }),
      () => ({ what: "freeze redis", ms: duration }),
      () => ({ what: "cut redis connections" }),
      () => ({ what: "cut redis connections" }),
      () => ({ what: "pusher vanishes", pusher: Math.floor(random.fraction() * PUSHERS) }),
    ])();
    at += afterMs + ("ms" in fault ? fault.ms : 0);
    if (at > ms) break;
    faults.push({ afterMs, fault });
  }
  const patternRandom = createRandom(seed + PATTERN_SEEDS);
  const patternReaders = (["0", "$"] as const).map((from): PlannedPatternReader => {
    return { gateway: Math.floor(patternRandom.fraction() * gateways), from };
  });
  const playbackRandom = createRandom(seed + PLAYBACK_SEEDS);
  const playbackReaders = [false, true].map((latest): PlannedPlaybackReader => {
    return { gateway: Math.floor(playbackRandom.fraction() * gateways), latest };
  });
  return {
    ...{ seed, ms, gateways, isCluster: false, settings, pushers },
    ...{ readers, patternReaders, playbackReaders, ...planPython(seed, gateways, streams), faults },
  };
}

/** Plans the clients that use the Python package. */
function planPython(
  seed: number,
  gateways: number,
  streams: readonly string[],
): Pick<Plan, "pythonPushers" | "pythonReaders"> {
  const random = createRandom(seed + PYTHON_SEEDS);
  const drawn = () => ({
    gateway: Math.floor(random.fraction() * gateways),
    seed: Math.floor(random.fraction() * 2 ** 31),
  });
  const pythonPushers = [true, false].map((dedupe): PlannedPythonPusher => {
    const batch = random.one([1, 1, 5, 20]);
    const everyMs = batch * random.one([5, 15, 30]);
    return {
      ...{ dedupe, batch, everyMs, stream: random.one(streams), entryBytes: random.one([40, 400, 5000]) },
      ...drawn(),
    };
  });
  const kinds = [
    { streams: random.one(streams), latest: false, isSlow: false },
    { streams: "s*", latest: false, isSlow: false },
    { streams: streams.join("+"), latest: false, isSlow: true },
    { streams: random.one(streams), latest: true, isSlow: true },
  ];
  const pythonReaders = kinds.map((kind): PlannedPythonReader => {
    return { ...kind, from: random.one(["0", "$"] as const), ...drawn() };
  });
  return { pythonPushers, pythonReaders };
}

/** Returns the same plan for a cluster: faults of Redis become failovers and slot migrations. */
export function inCluster(plan: Plan): Plan {
  // Drawn from a separate source, so that the rest of an existing plan does not change.
  const random = createRandom(plan.seed + CLUSTER_SEEDS);
  const aStream = () => random.one(plan.pushers).stream;
  const faults = plan.faults.map(({ afterMs, fault }) => ({ afterMs, fault: faultInCluster(fault) }));

  function faultInCluster(fault: Fault): Fault {
    switch (fault.what) {
      case "kill redis":
        return { what: "kill master", stream: aStream(), ms: fault.ms };
      case "freeze redis":
        return { what: "freeze master", stream: aStream(), ms: fault.ms };
      case "cut redis connections":
        return { what: random.one(["move slot", "move slot", "fail over"] as const), stream: aStream() };
      default:
        return fault;
    }
  }
  // No stream may be trimmed, because a cluster has no single append-only file that records trimmed entries.
  const settings = {
    ...plan.settings,
    REDIS_STREAM_MAXLEN: "0",
    REDIS_TAIL: "auto",
    REDIS_READ_FROM: random.one(["master", "replica"]),
  };
  return { ...plan, isCluster: true, settings, faults };
}
