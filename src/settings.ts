/**
 * The one table of settings. Each row makes an environment variable, a flag, a line of `--help` and a line of
 * the README's table; nothing else in the program reads the environment.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { parseDuration } from "./domain/retention.ts";
import { problemOfPattern } from "./domain/stream-pattern.ts";

/** How a setting's text becomes its value. Each throws a sentence without the setting's name. */
type Parse<T> = (text: string) => T;

interface Row<T> {
  readonly env: string;
  readonly parse: Parse<T>;
  /** The default, as a user would write it. */
  readonly fallback: string;
  /** What the value counts, empty where it counts nothing. */
  readonly unit: "" | "s" | "ms" | "bytes" | "entries" | "streams" | "sockets" | "messages";
  readonly doc: string;
}

const row = <T>(
  env: string,
  parse: Parse<T>,
  fallback: string,
  unit: Row<T>["unit"],
  doc: string,
): Row<T> => ({
  env,
  parse,
  fallback,
  unit,
  doc,
});

const text: Parse<string> = (value) => value;

const whole =
  (least: number, most: number): Parse<number> =>
  (value) => {
    const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= least && parsed <= most))
      throw new Error(`wants a whole number from ${least} to ${most}, not "${value}"`);
    return parsed;
  };

const SUFFIX: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

const bytes =
  (least: number): Parse<number> =>
  (value) => {
    const [, digits, suffix] = /^(\d+)([kmg]?)(?:i?b)?$/i.exec(value) ?? [];
    const parsed = Number(digits) * (SUFFIX[suffix?.toLowerCase() ?? ""] ?? Number.NaN);
    if (!(parsed >= least && parsed <= 2 ** 40))
      throw new Error(`wants a size of at least ${least} bytes, such as 65536 or 64k, not "${value}"`);
    return parsed;
  };

const duration: Parse<number> = (value) => {
  const ms = parseDuration(value);
  if (ms === undefined) throw new Error(`must be 0 or a duration such as 90s, 24h or 7d, got "${value}"`);
  return ms;
};

const choice =
  <const T extends string>(...choices: readonly T[]): Parse<T> =>
  (value) => {
    const found = choices.find((one) => one === value.toLowerCase());
    if (found === undefined) throw new Error(`wants one of ${choices.join(", ")}, not "${value}"`);
    return found;
  };

const flag: Parse<boolean> = (value) => {
  if (/^(1|true|yes|on|t|y)$/i.test(value)) return true;
  if (/^(0|false|no|off|f|n|)$/i.test(value)) return false;
  throw new Error(`wants 1 or 0, not "${value}"`);
};

const list: Parse<readonly string[]> = (value) =>
  value
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

/** A class of streams by its name, and a pattern on `device:stream` as permissions have. */
type StreamClassSetting = { readonly name: string; readonly pattern: string };

/** Each class is a time series in every metric by class. */
const MOST_CLASSES = 50;

const streamClasses: Parse<readonly StreamClassSetting[]> = (value) => {
  const classes = list(value).map((one) => {
    const [, name = "", pattern = ""] = /^([\w.-]{1,40})=(.{1,200})$/.exec(one) ?? [];
    if (name === "") throw new Error(`wants classes as cameras=*:cam*, not "${one}"`);
    const problem = problemOfPattern(pattern);
    if (problem !== undefined) throw new Error(`the pattern of class ${name} ${problem}`);
    return { name, pattern };
  });
  if (classes.length > MOST_CLASSES)
    throw new Error(`wants at most ${MOST_CLASSES} classes, not ${classes.length}`);
  return classes;
};

const pathPrefix: Parse<string> = (value) => {
  if (value === "" || /^(\/[\w.~-]+)+$/.test(value)) return value;
  throw new Error(`wants a path such as /streams, without a slash at its end, not "${value}"`);
};

/** Seconds, with a fraction where need be; the value is in ms. */
const seconds =
  (least: number, most: number): Parse<number> =>
  (value) => {
    const parsed = /^\d+(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= least && parsed <= most))
      throw new Error(`wants seconds from ${least} to ${most}, not "${value}"`);
    return Math.round(parsed * 1000);
  };

/** As many as are said, or as there are cores. */
const processes: Parse<number> = (value) => {
  if (value.toLowerCase() === "auto") return availableParallelism();
  const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (parsed >= 1 && parsed <= 1024) return parsed;
  throw new Error(`wants a whole number from 1 to 1024, or auto, not "${value}"`);
};

const redisUrl: Parse<string> = (value) => {
  if (value === "" || value.startsWith("/")) return value;
  const scheme = /^([a-z+]+):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme === "redis+cluster" || scheme === "rediss+cluster") {
    if (/^rediss?\+cluster:\/\/([^@]*@)?[^/?#@]+\/?$/i.test(value)) return value;
    throw new Error("wants redis+cluster://host:port,host:port");
  }
  if (scheme?.endsWith("+sentinel")) {
    if (/^rediss?\+sentinel:\/\/[^/]+\/[^/?]+/i.test(value)) return value;
    throw new Error("wants redis+sentinel://host:port,host:port/master-name");
  }
  if (
    scheme === undefined ||
    !["redis", "rediss", "unix", "redis+unix"].includes(scheme) ||
    !URL.canParse(value)
  )
    throw new Error("wants redis://host:port, rediss://host:port or unix:///path/to/socket");
  return value;
};

/** Every setting there is, by the name the code knows it by. */
export const SETTINGS = {
  host: row("HOST", text, "127.0.0.1", "", "Address to listen on; 0.0.0.0 opens it to the network"),
  port: row("PORT", whole(0, 65535), "8000", "", "TCP port to listen on; 0 takes a free one"),
  redisUrl: row(
    "REDIS_URL",
    redisUrl,
    "",
    "",
    "Redis to use: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://; empty runs a managed one beside the gateway",
  ),
  redisTlsCa: row(
    "REDIS_TLS_CA",
    text,
    "",
    "",
    "File of the authorities that a rediss:// server's certificate is checked by",
  ),
  redisTlsCert: row(
    "REDIS_TLS_CERT",
    text,
    "",
    "",
    "File of the certificate that is shown to a rediss:// server",
  ),
  redisTlsKey: row("REDIS_TLS_KEY", text, "", "", "File of the key of REDIS_TLS_CERT"),
  dataDir: row(
    "DATA_DIR",
    text,
    "./data",
    "",
    "Where the managed Redis keeps its append-only file and socket",
  ),
  redisFsync: row(
    "REDIS_FSYNC",
    choice("always", "everysec", "no"),
    "always",
    "",
    "When the managed Redis forces writes to disk; always: before they are acknowledged",
  ),
  streamMaxLength: row(
    "REDIS_STREAM_MAXLEN",
    whole(0, Number.MAX_SAFE_INTEGER),
    "1000",
    "entries",
    "About how many entries a stream keeps when it is written to; 0 keeps all",
  ),
  streamMaxAgeMs: row(
    "STREAM_MAX_AGE",
    duration,
    "0",
    "",
    "About how long a stream keeps entries, such as 90s, 24h or 7d, when it is written to; 0 keeps them",
  ),
  streamMaxBytes: row(
    "STREAM_MAX_BYTES",
    bytes(0),
    "0",
    "bytes",
    "About how many bytes of payloads a stream keeps when it is written to; 0 sets no limit",
  ),
  redisWaitMs: row(
    "REDIS_WAIT_MS",
    whole(0, 3_600_000),
    "10000",
    "ms",
    "How long a request or push waits for a Redis that is away before it gets an error",
  ),
  redisSilenceMs: row(
    "REDIS_SILENCE_MS",
    whole(100, 3_600_000),
    "30000",
    "ms",
    "How long a Redis that was asked may stay silent before its connection is given up and made anew",
  ),
  redisReadFrom: row(
    "REDIS_READ_FROM",
    choice("master", "replica"),
    "master",
    "",
    "Where pages of history are read: replica spares the master, which is still asked for what a replica has not got",
  ),
  redisTail: row(
    "REDIS_TAIL",
    choice("auto", "tracking", "blocking"),
    "auto",
    "",
    "How live entries are noticed: CLIENT TRACKING, or blocking XREAD for servers and proxies without it",
  ),
  noDevicePrefix: row(
    "DISABLE_MULTI_DEVICE_PREFIXING",
    flag,
    "0",
    "",
    "1: stream keys carry no device, and device_id is ignored",
  ),
  allowedOrigins: row(
    "ALLOWED_ORIGINS",
    list,
    "",
    "",
    "Origins beside its own and local ones whose pages may use the gateway, by commas; * allows all",
  ),
  allowedHosts: row(
    "ALLOWED_HOSTS",
    list,
    "",
    "",
    "Host names that requests may address beside local ones, by commas, enforced on every HOST; empty: on loopback local names alone, elsewhere any; * allows all",
  ),
  tlsCert: row(
    "TLS_CERT",
    text,
    "",
    "",
    "File of the certificate for https and wss, PEM, read again when it changes",
  ),
  tlsKey: row("TLS_KEY", text, "", "", "File of the key of TLS_CERT"),
  pathPrefix: row(
    "PATH_PREFIX",
    pathPrefix,
    "",
    "",
    "Path that the gateway stands behind at a proxy, such as /streams, whether the proxy takes it away or not",
  ),
  workers: row(
    "WORKERS",
    processes,
    "1",
    "",
    "Processes that serve the port together, each on a core of its own; auto takes one for each core",
  ),
  auth: row(
    "AUTH",
    flag,
    "0",
    "",
    "1: whoever comes shows an API key, a JSON Web Token or a ticket, and may do what that allows",
  ),
  authKeysFile: row(
    "AUTH_KEYS_FILE",
    text,
    "./keys.json",
    "",
    "File of hashed API keys, read again when it changes; redis-streamer keys writes it",
  ),
  jwtSecret: row("JWT_SECRET", text, "", "", "Secret of tokens signed with HS256, at least 32 bytes"),
  jwtKeys: row(
    "JWT_KEYS",
    text,
    "",
    "",
    "Keys of tokens signed with RS256 or ES256: a JWKS by URL, or a file with a JWKS, public key or certificate",
  ),
  jwtAudience: row("JWT_AUDIENCE", text, "", "", "Audience that a token has to name; empty takes any"),
  jwtIssuer: row("JWT_ISSUER", text, "", "", "Issuer that a token has to have; empty takes any"),
  jwtClockToleranceMs: row(
    "JWT_CLOCK_TOLERANCE_MS",
    whole(0, 600_000),
    "5000",
    "ms",
    "By how much the clocks of a token's issuer and the gateway may differ",
  ),
  ticketTtlMs: row(
    "TICKET_TTL_MS",
    whole(1000, 3_600_000),
    "30000",
    "ms",
    "How long a ticket for an address may be used, once",
  ),
  trustProxy: row(
    "TRUST_PROXY",
    list,
    "",
    "",
    "Proxies whose X-Forwarded headers are believed, by commas: addresses, networks, loopback, uniquelocal",
  ),
  devicePresence: row(
    "DEVICE_PRESENCE",
    choice("asked", "auto"),
    "asked",
    "",
    "Which devices are connected while they push over a WebSocket: those that ask by presence=1, or all (auto)",
  ),
  deviceTimeoutMs: row(
    "DEVICE_TIMEOUT",
    seconds(0.1, 86_400),
    "30",
    "s",
    "A device from which nothing came for so long, not even a pong, is disconnected",
  ),
  enableFlush: row("ENABLE_FLUSH", flag, "0", "", "1: the GraphQL mutation flush may delete everything"),
  graphqlMaxBytes: row(
    "GRAPHQL_MAX_BYTES",
    bytes(1024),
    "1m",
    "bytes",
    "Largest GraphQL request taken in, with its variables",
  ),
  graphqlMaxTokens: row(
    "GRAPHQL_MAX_TOKENS",
    whole(10, 1_000_000),
    "2000",
    "",
    "Longest GraphQL document, in tokens",
  ),
  graphqlMaxDepth: row(
    "GRAPHQL_MAX_DEPTH",
    whole(1, 1000),
    "20",
    "",
    "Deepest nesting of fields in a GraphQL operation",
  ),
  graphqlMaxAliases: row(
    "GRAPHQL_MAX_ALIASES",
    whole(0, 100_000),
    "100",
    "",
    "Most aliases in a GraphQL operation, counted through its fragments",
  ),
  graphqlMaxOperations: row(
    "GRAPHQL_MAX_OPERATIONS",
    whole(1, 100_000),
    "100",
    "",
    "Most GraphQL operations under way on one WebSocket, subscriptions included",
  ),
  graphqlMaxFields: row(
    "GRAPHQL_MAX_FIELDS",
    whole(1000, 1_000_000_000),
    "1000000",
    "",
    "Most fields that a GraphQL operation may resolve, aliases and items of lists included",
  ),
  graphqlMaxPayloadBytes: row(
    "GRAPHQL_MAX_PAYLOAD_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Largest payload in a field of a GraphQL answer; a larger one is null, with an error beside it",
  ),
  maxMessageBytes: row(
    "MAX_MESSAGE_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Largest WebSocket message or HTTP body taken in",
  ),
  maxBatchEntries: row(
    "MAX_BATCH_ENTRIES",
    whole(1, 1_000_000),
    "10000",
    "entries",
    "Most entries in one pushed batch, and largest count of one read",
  ),
  maxStreams: row("MAX_STREAMS", whole(1, 100_000), "1000", "streams", "Most streams in one request"),
  maxNameBytes: row(
    "MAX_NAME_BYTES",
    bytes(64),
    "1k",
    "bytes",
    "Longest stream id, device id and prefix in a request; streams with longer keys are not listed",
  ),
  maxHeaderBytes: row(
    "MAX_HEADER_BYTES",
    bytes(1024),
    "64k",
    "bytes",
    "Largest head of a request, address included",
  ),
  maxResponseHeaderBytes: row(
    "MAX_RESPONSE_HEADER_BYTES",
    bytes(1536),
    "3500",
    "bytes",
    "Maximum size of the response headers of a read; it returns fewer entries than requested where x-offsets would be larger. nginx accepts 4096 by default",
  ),
  maxSockets: row(
    "MAX_SOCKETS",
    whole(0, 1_000_000),
    "50000",
    "sockets",
    "Most connections in all; what comes beyond them is cut. 0 sets no limit",
  ),
  maxSocketsPerAddress: row(
    "MAX_SOCKETS_PER_ADDRESS",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Most lasting connections (WebSockets, events, pictures) of one address; 0 sets no limit",
  ),
  maxSocketsPerIdentity: row(
    "MAX_SOCKETS_PER_IDENTITY",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Most lasting connections of one key or token's subject; 0 sets no limit",
  ),
  maxMessagesPerSecond: row(
    "MAX_MESSAGES_PER_SECOND",
    whole(0, 1e9),
    "0",
    "messages",
    "Messages and requests a second that are taken in of one identity, or address without one; 0 sets no limit",
  ),
  maxBytesPerSecond: row(
    "MAX_BYTES_PER_SECOND",
    bytes(0),
    "0",
    "bytes",
    "Bytes a second that are taken in of one identity, or address without one; 0 sets no limit",
  ),
  maxStreamsPerIdentity: row(
    "MAX_STREAMS_PER_IDENTITY",
    whole(0, 1e9),
    "100000",
    "streams",
    "Most streams that one identity, or address without one, writes to while the gateway runs; 0 sets no limit",
  ),
  handshakeTimeoutMs: row(
    "HANDSHAKE_TIMEOUT_MS",
    whole(100, 600_000),
    "10000",
    "ms",
    "How long a client may take for the head of a request, and for a TLS handshake",
  ),
  uploadTimeoutMs: row(
    "UPLOAD_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "How long a client may take for a whole request, or one WebSocket message",
  ),
  idleTimeoutMs: row(
    "IDLE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "65000",
    "ms",
    "How long a connection is kept for a next HTTP request",
  ),
  writeTimeoutMs: row(
    "WRITE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "60000",
    "ms",
    "Time after which a connection is closed whose client takes less than 16 KB of the bytes that wait for it",
  ),
  sendHighWaterBytes: row(
    "SEND_HIGH_WATER_BYTES",
    bytes(1024),
    "256k",
    "bytes",
    "Unsent bytes at which a reader is paused; it catches up from Redis when they have gone out",
  ),
  pushInFlightBytes: row(
    "PUSH_IN_FLIGHT_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Bytes of one push connection that may wait for Redis before its socket is no longer read",
  ),
  totalInFlightBytes: row(
    "TOTAL_IN_FLIGHT_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Bytes of all push connections that may wait for Redis before their sockets are no longer read",
  ),
  totalReceiveBytes: row(
    "TOTAL_RECEIVE_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Memory for request bodies, WebSocket messages and entries that wait for Redis; above it clients wait, then receive 503 or close code 1013",
  ),
  totalAnswerBytes: row(
    "TOTAL_ANSWER_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Memory for answers that are built or not yet read by their clients; above it requests wait, then receive 503",
  ),
  clientMemoryPercent: row(
    "CLIENT_MEMORY_PERCENT",
    whole(1, 100),
    "50",
    "",
    "Part of TOTAL_RECEIVE_BYTES and of TOTAL_ANSWER_BYTES that one client may use, in percent; one item is admitted whatever its size",
  ),
  memoryWaitMs: row(
    "MEMORY_WAIT_MS",
    whole(0, 3_600_000),
    "30000",
    "ms",
    "Longest wait of a request or message for memory before it is rejected with 503 or close code 1013",
  ),
  maxAnswerBytes: row(
    "MAX_ANSWER_BYTES",
    bytes(1024),
    "16m",
    "bytes",
    "Most payload of one answer, one turn of a pull, or one GraphQL operation; it then has fewer entries than asked for",
  ),
  pageBytes: row("PAGE_BYTES", bytes(1024), "256k", "bytes", "Size aimed at when history is read in pages"),
  pageCacheBytes: row(
    "PAGE_CACHE_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "History pages kept for other readers that are about to want the same",
  ),
  recentBytes: row(
    "RECENT_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "Newest entries of live streams kept for readers that are slightly behind",
  ),
  pollCacheBytes: row(
    "POLL_CACHE_BYTES",
    bytes(0),
    "8m",
    "bytes",
    "Answers kept for clients that poll, until their stream changes",
  ),
  pingIntervalMs: row(
    "PING_INTERVAL_MS",
    whole(100, 86_400_000),
    "30000",
    "ms",
    "Time between WebSocket pings",
  ),
  pingTimeoutMs: row(
    "PING_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "A WebSocket from which nothing came for so long, not even a pong, is closed",
  ),
  heartbeatMs: row(
    "HEARTBEAT_MS",
    whole(100, 86_400_000),
    "15000",
    "ms",
    "Interval of keep-alives: a comment on server-sent events, the last picture again on mjpeg",
  ),
  shutdownMs: row(
    "SHUTDOWN_MS",
    whole(100, 600_000),
    "8000",
    "ms",
    "How long a stop may take to answer and store what is in flight",
  ),
  metricsClasses: row(
    "METRICS_CLASSES",
    streamClasses,
    "",
    "",
    "Classes of streams that the metrics tell apart, by commas, such as cameras=*:cam*,glasses=glasses:*; the first whose pattern fits counts",
  ),
  otlpEndpoint: row(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    text,
    "",
    "",
    "Collector that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318; empty sends none",
  ),
  logLevel: row(
    "LOG_LEVEL",
    choice("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "info",
    "",
    "Least level that is logged",
  ),
  logFormat: row(
    "LOG_FORMAT",
    choice("auto", "pretty", "json"),
    "auto",
    "",
    "auto: pretty on a terminal, JSON lines elsewhere",
  ),
} as const;

type Table = typeof SETTINGS;

/** The settings, typed by the table. Names that end in `Ms` are milliseconds, in `Bytes` bytes. */
export type Settings = { readonly [K in keyof Table]: Table[K] extends Row<infer T> ? T : never };

/** The flag of a row: `REDIS_URL` is `--redis-url`. */
export const flagName = (env: string): string => env.toLowerCase().replaceAll("_", "-");

/** A setting with a value that cannot be. The message names it and says what it wants. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

const names = Object.keys(SETTINGS) as (keyof Table)[];

/**
 * Makes the settings from flags, the environment and `.env`, in that order of precedence.
 *
 * @param args the command line without the program, `process.argv.slice(2)`
 * @param env the environment, with what `.env` adds to it already in
 * @throws SettingError that names a flag nobody knows or a value that cannot be
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const flags = readFlags(args);
  const entries = names.map((name) => {
    const { env: variable, fallback, parse } = SETTINGS[name];
    const flagged = flags[flagName(variable)];
    const fromEnv = env[variable];
    // An empty variable means "unset", as `docker compose` passes it on.
    const value = flagged ?? (fromEnv === undefined || fromEnv === "" ? fallback : fromEnv);
    try {
      return [name, parse(value)] as const;
    } catch (error) {
      const source = flagged === undefined ? variable : `--${flagName(variable)}`;
      throw new SettingError(`${source} ${(error as Error).message}`);
    }
  });
  const settings = Object.fromEntries(entries) as Settings;
  checkPairs(settings);
  return settings;
}

/** Settings that mean nothing, or something else, without each other. */
function checkPairs(settings: Settings): void {
  const pair = (one: string, other: string, names: string) => {
    if ((one === "") !== (other === "")) throw new SettingError(`${names} are set both or not at all`);
  };
  pair(settings.tlsCert, settings.tlsKey, "TLS_CERT and TLS_KEY");
  pair(settings.redisTlsCert, settings.redisTlsKey, "REDIS_TLS_CERT and REDIS_TLS_KEY");
  if (settings.redisTail === "blocking" && /^rediss?\+cluster:/i.test(settings.redisUrl))
    throw new SettingError("REDIS_TAIL is blocking, which cannot be with a cluster: its nodes have to track");
}

function readFlags(args: readonly string[]): Record<string, string> {
  const options = Object.fromEntries(
    names.map((name) => [flagName(SETTINGS[name].env), { type: "string" as const }]),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Record<
      string,
      string
    >;
  } catch (error) {
    throw new SettingError(`${(error as Error).message.split(". ")[0]}; --help lists the flags`);
  }
}

/** The text of `--help`. */
export function helpText(): string {
  const lines = Object.values(SETTINGS).map((one) => {
    const left = `  --${flagName(one.env)}`.padEnd(38) + one.env.padEnd(32);
    const unit = one.unit === "" ? "" : ` ${one.unit}`;
    return `${left}\n      ${one.doc} (default: ${one.fallback === "" ? "none" : one.fallback + unit})`;
  });
  return [
    "Redis Streamer: WebSocket, HTTP and GraphQL in front of Redis Streams.",
    "",
    "Usage: npm start -- [flags]",
    "",
    "Every flag is also an environment variable and may stand in a file named .env:",
    "",
    ...lines,
    "",
    "  --help                              Show this",
    "",
  ].join("\n");
}

/** The README's table of settings, in Markdown. */
export function settingsTable(): string {
  const cell = (value: string) => value.replaceAll("|", "\\|");
  const rows = Object.values(SETTINGS).map(
    (one) =>
      `| \`${one.env}\` | \`--${flagName(one.env)}\` | ${one.fallback === "" ? "" : `\`${cell(one.fallback)}\``} | ${one.unit} | ${cell(one.doc)} |`,
  );
  return [
    "| variable | flag | default | unit | what it does |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
