/**
 * Settings table. Each row declares an environment variable, a flag, a line of `--help` and a line of docs/configuration.md.
 * No other part of the program reads the environment.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { parseDuration } from "./domain/retention.ts";
import { problemOfPattern } from "./domain/stream-pattern.ts";

/** Parses a setting. Throws an `Error` whose message lacks the setting's name: `readSettings` puts it in front. */
type Parse<T> = (text: string) => T;

interface Row<T> {
  readonly env: string;
  readonly parse: Parse<T>;
  /** Default, as a user would write it. */
  readonly fallback: string;
  /** Unit of the value; empty if it has none. */
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
      throw new Error(`must be an integer from ${least} to ${most}, got "${value}"`);
    return parsed;
  };

const SUFFIX: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

const bytes =
  (least: number): Parse<number> =>
  (value) => {
    const [, digits, suffix] = /^(\d+)([kmg]?)(?:i?b)?$/i.exec(value) ?? [];
    const parsed = Number(digits) * (SUFFIX[suffix?.toLowerCase() ?? ""] ?? Number.NaN);
    if (!(parsed >= least && parsed <= 2 ** 40))
      throw new Error(`must be a size of at least ${least} bytes, such as 65536 or 64k, got "${value}"`);
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
    if (found === undefined) throw new Error(`must be one of ${choices.join(", ")}, got "${value}"`);
    return found;
  };

const flag: Parse<boolean> = (value) => {
  if (/^(1|true|yes|on|t|y)$/i.test(value)) return true;
  if (/^(0|false|no|off|f|n|)$/i.test(value)) return false;
  throw new Error(`must be 1 or 0, got "${value}"`);
};

const list: Parse<readonly string[]> = (value) =>
  value
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

/** A class of streams: its name, and a pattern of stream keys as in permissions. */
type StreamClassSetting = { readonly name: string; readonly pattern: string };

/** Each class is a time series in every metric by class. */
const MOST_CLASSES = 50;

const streamClasses: Parse<readonly StreamClassSetting[]> = (value) => {
  const classes = list(value).map((one) => {
    const [, name = "", pattern = ""] = /^([\w.-]{1,40})=(.{1,200})$/.exec(one) ?? [];
    if (name === "") throw new Error(`must be a list such as cameras=*:cam*,imus=*:imu*, got "${one}"`);
    const problem = problemOfPattern(pattern);
    if (problem !== undefined) throw new Error(`the pattern of class ${name} ${problem}`);
    return { name, pattern };
  });
  if (classes.length > MOST_CLASSES)
    throw new Error(`must have at most ${MOST_CLASSES} classes, got ${classes.length}`);
  return classes;
};

const pathPrefix: Parse<string> = (value) => {
  if (value === "" || /^(\/[\w.~-]+)+$/.test(value)) return value;
  throw new Error(`must be a path such as /streams, without a trailing slash, got "${value}"`);
};

/** Parses seconds, with up to three decimals, to ms. */
const seconds =
  (least: number, most: number): Parse<number> =>
  (value) => {
    const parsed = /^\d+(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= least && parsed <= most))
      throw new Error(`must be seconds from ${least} to ${most}, got "${value}"`);
    return Math.round(parsed * 1000);
  };

/** Parses a number of processes; `auto` is one per core. */
const processes: Parse<number> = (value) => {
  if (value.toLowerCase() === "auto") return availableParallelism();
  const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (parsed >= 1 && parsed <= 1024) return parsed;
  throw new Error(`must be an integer from 1 to 1024, or auto, got "${value}"`);
};

/** Returns a URL for an error message, without user and password, also if it lacks its scheme. */
const withoutSecret = (url: string): string => url.replace(/^.*@/s, "…@");

const redisUrl: Parse<string> = (value) => {
  if (value === "" || value.startsWith("/")) return value;
  const scheme = /^([a-z+]+):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme === "redis+cluster" || scheme === "rediss+cluster") {
    if (/^rediss?\+cluster:\/\/([^@]*@)?[^/?#@]+\/?$/i.test(value)) return value;
    throw new Error(`must look like redis+cluster://host:port,host:port, got "${withoutSecret(value)}"`);
  }
  if (scheme?.endsWith("+sentinel")) {
    if (/^rediss?\+sentinel:\/\/[^/]+\/[^/?]+/i.test(value)) return value;
    throw new Error(
      `must look like redis+sentinel://host:port,host:port/master-name, got "${withoutSecret(value)}"`,
    );
  }
  if (
    scheme === undefined ||
    !["redis", "rediss", "unix", "redis+unix"].includes(scheme) ||
    !URL.canParse(value)
  )
    throw new Error(
      `must be redis://host:port, rediss://host:port or unix:///path/to/socket, got "${withoutSecret(value)}"`,
    );
  return value;
};

/** All settings, by their name in the code. */
export const SETTINGS = {
  host: row("HOST", text, "127.0.0.1", "", "Address to listen on; 0.0.0.0 opens it to the network"),
  port: row("PORT", whole(0, 65535), "8000", "", "TCP port to listen on; 0 chooses a free one"),
  redisUrl: row(
    "REDIS_URL",
    redisUrl,
    "",
    "",
    "Redis server: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://; empty starts a managed one",
  ),
  redisTlsCa: row(
    "REDIS_TLS_CA",
    text,
    "",
    "",
    "File with the certificate authorities that a rediss:// server is verified against",
  ),
  redisTlsCert: row(
    "REDIS_TLS_CERT",
    text,
    "",
    "",
    "File with the client certificate for a rediss:// server",
  ),
  redisTlsKey: row("REDIS_TLS_KEY", text, "", "", "File with the private key of REDIS_TLS_CERT"),
  dataDir: row(
    "DATA_DIR",
    text,
    "./data",
    "",
    "Directory of the managed Redis: its append-only file and its socket",
  ),
  redisFsync: row(
    "REDIS_FSYNC",
    choice("always", "everysec", "no"),
    "always",
    "",
    "When the managed Redis flushes writes to disk; always: before an entry is acknowledged",
  ),
  streamMaxLength: row(
    "REDIS_STREAM_MAXLEN",
    whole(0, Number.MAX_SAFE_INTEGER),
    "1000",
    "entries",
    "Approximate number of entries that a stream keeps, applied at each append; 0 keeps all",
  ),
  streamMaxAgeMs: row(
    "STREAM_MAX_AGE",
    duration,
    "0",
    "",
    "Approximate age up to which a stream keeps entries, such as 90s, 24h or 7d, applied at each append; 0 sets no limit",
  ),
  streamMaxBytes: row(
    "STREAM_MAX_BYTES",
    bytes(0),
    "0",
    "bytes",
    "Approximate number of payload bytes that a stream keeps, applied at each append; 0 sets no limit",
  ),
  redisWaitMs: row(
    "REDIS_WAIT_MS",
    whole(0, 3_600_000),
    "10000",
    "ms",
    "Maximum wait of a request or push while Redis is unavailable, before it is rejected with REDIS_UNAVAILABLE",
  ),
  redisSilenceMs: row(
    "REDIS_SILENCE_MS",
    whole(100, 3_600_000),
    "30000",
    "ms",
    "Time without any reply before the connection to Redis is closed and reopened",
  ),
  redisReadFrom: row(
    "REDIS_READ_FROM",
    choice("master", "replica"),
    "master",
    "",
    "Server that history is read from; replica reduces the load of the master, which still serves entries that the replica lacks",
  ),
  redisTail: row(
    "REDIS_TAIL",
    choice("auto", "tracking", "blocking"),
    "auto",
    "",
    "How the gateway detects new entries: CLIENT TRACKING, or blocking XREAD for servers and proxies without it",
  ),
  noDevicePrefix: row(
    "DISABLE_MULTI_DEVICE_PREFIXING",
    flag,
    "0",
    "",
    "1: stream keys have no device prefix, and device_id is ignored",
  ),
  allowedOrigins: row(
    "ALLOWED_ORIGINS",
    list,
    "",
    "",
    "Comma-separated origins whose pages may use the gateway, in addition to its own and local ones; * allows all",
  ),
  allowedHosts: row(
    "ALLOWED_HOSTS",
    list,
    "",
    "",
    "Comma-separated host names accepted in addition to local ones; if empty, loopback accepts local names only and other addresses accept any; * allows all",
  ),
  tlsCert: row(
    "TLS_CERT",
    text,
    "",
    "",
    "PEM file with the certificate for https and wss; reloaded when it changes",
  ),
  tlsKey: row("TLS_KEY", text, "", "", "PEM file with the private key of TLS_CERT"),
  pathPrefix: row(
    "PATH_PREFIX",
    pathPrefix,
    "",
    "",
    "Path of the gateway behind a proxy, such as /streams; works whether or not the proxy strips it",
  ),
  workers: row(
    "WORKERS",
    processes,
    "1",
    "",
    "Number of processes that share the port; auto starts one per core",
  ),
  auth: row(
    "AUTH",
    flag,
    "0",
    "",
    "1: clients must present an API key, a JSON Web Token or a ticket, and may do only what it permits",
  ),
  authKeysFile: row(
    "AUTH_KEYS_FILE",
    text,
    "./keys.json",
    "",
    "File with hashed API keys, written by redis-streamer keys; reloaded when it changes",
  ),
  jwtSecret: row("JWT_SECRET", text, "", "", "Secret for tokens signed with HS256, at least 32 bytes"),
  jwtKeys: row(
    "JWT_KEYS",
    text,
    "",
    "",
    "Keys for tokens signed with RS256 or ES256: the URL of a JWKS, or a file with a JWKS, public key or certificate",
  ),
  jwtAudience: row("JWT_AUDIENCE", text, "", "", "Required audience of a token; empty accepts any"),
  jwtIssuer: row("JWT_ISSUER", text, "", "", "Required issuer of a token; empty accepts any"),
  jwtClockToleranceMs: row(
    "JWT_CLOCK_TOLERANCE_MS",
    whole(0, 600_000),
    "5000",
    "ms",
    "Maximum clock difference between a token's issuer and the gateway",
  ),
  ticketTtlMs: row(
    "TICKET_TTL_MS",
    whole(1000, 3_600_000),
    "30000",
    "ms",
    "Lifetime of a ticket, which is valid once",
  ),
  trustProxy: row(
    "TRUST_PROXY",
    list,
    "",
    "",
    "Comma-separated proxies whose X-Forwarded headers are trusted: addresses, networks, loopback, uniquelocal",
  ),
  // cspell:ignore asked
  devicePresence: row(
    "DEVICE_PRESENCE",
    choice("asked", "auto"),
    "asked",
    "",
    "Which devices count as connected while they push over a WebSocket: those with presence=1 (asked), or all (auto)",
  ),
  deviceTimeoutMs: row(
    "DEVICE_TIMEOUT",
    seconds(0.1, 86_400),
    "30",
    "s",
    "Time without any frame from a device, pongs included, after which it counts as disconnected",
  ),
  enableFlush: row(
    "ENABLE_FLUSH",
    flag,
    "0",
    "",
    "1: enables the GraphQL mutation flush, which deletes everything",
  ),
  graphqlMaxBytes: row(
    "GRAPHQL_MAX_BYTES",
    bytes(1024),
    "1m",
    "bytes",
    "Maximum size of a GraphQL request, variables included",
  ),
  graphqlMaxTokens: row(
    "GRAPHQL_MAX_TOKENS",
    whole(10, 1_000_000),
    "2000",
    "",
    "Maximum number of tokens in a GraphQL document",
  ),
  graphqlMaxDepth: row(
    "GRAPHQL_MAX_DEPTH",
    whole(1, 1000),
    "20",
    "",
    "Maximum nesting depth of fields in a GraphQL operation",
  ),
  graphqlMaxAliases: row(
    "GRAPHQL_MAX_ALIASES",
    whole(0, 100_000),
    "100",
    "",
    "Maximum number of aliases in a GraphQL operation, fragments expanded",
  ),
  graphqlMaxOperations: row(
    "GRAPHQL_MAX_OPERATIONS",
    whole(1, 100_000),
    "100",
    "",
    "Maximum number of concurrent GraphQL operations on one WebSocket, subscriptions included",
  ),
  graphqlMaxFields: row(
    "GRAPHQL_MAX_FIELDS",
    whole(1000, 1_000_000_000),
    "1000000",
    "",
    "Maximum number of fields that a GraphQL operation resolves, aliases and list items included",
  ),
  graphqlMaxPayloadBytes: row(
    "GRAPHQL_MAX_PAYLOAD_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Maximum payload size in a field of a GraphQL response; a larger payload is null, with an error",
  ),
  maxMessageBytes: row(
    "MAX_MESSAGE_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Maximum size of a WebSocket message or HTTP body; larger ones are rejected with 413 or close code 1009",
  ),
  maxBatchEntries: row(
    "MAX_BATCH_ENTRIES",
    whole(1, 1_000_000),
    "10000",
    "entries",
    "Maximum number of entries in one pushed batch, and maximum count of one read",
  ),
  maxStreams: row(
    "MAX_STREAMS",
    whole(1, 100_000),
    "1000",
    "streams",
    "Maximum number of streams in one request",
  ),
  maxNameBytes: row(
    "MAX_NAME_BYTES",
    bytes(64),
    "1k",
    "bytes",
    "Maximum length of a stream id, device id and prefix; streams with longer keys are not listed",
  ),
  maxHeaderBytes: row(
    "MAX_HEADER_BYTES",
    bytes(1024),
    "64k",
    "bytes",
    "Maximum size of a request's head, URL included; larger ones are rejected with 431",
  ),
  maxResponseHeaderBytes: row(
    "MAX_RESPONSE_HEADER_BYTES",
    bytes(1536),
    "3500",
    "bytes",
    "Maximum size of the response headers of a read; a read returns fewer entries if x-offsets would exceed it. nginx accepts 4096 by default",
  ),
  maxSockets: row(
    "MAX_SOCKETS",
    whole(0, 1_000_000),
    "50000",
    "sockets",
    "Maximum number of connections; further ones are closed at once. 0 sets no limit",
  ),
  maxSocketsPerAddress: row(
    "MAX_SOCKETS_PER_ADDRESS",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Maximum number of long-lived connections (WebSockets, server-sent events, MJPEG) per client address; 0 sets no limit",
  ),
  maxSocketsPerIdentity: row(
    "MAX_SOCKETS_PER_IDENTITY",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Maximum number of long-lived connections per API key or token subject; 0 sets no limit",
  ),
  maxMessagesPerSecond: row(
    "MAX_MESSAGES_PER_SECOND",
    whole(0, 1e9),
    "0",
    "messages",
    "Rate limit in messages and requests per second, per identity or else per address; 0 sets no limit",
  ),
  maxBytesPerSecond: row(
    "MAX_BYTES_PER_SECOND",
    bytes(0),
    "0",
    "bytes",
    "Rate limit in received bytes per second, per identity or else per address; 0 sets no limit",
  ),
  maxStreamsPerIdentity: row(
    "MAX_STREAMS_PER_IDENTITY",
    whole(0, 1e9),
    "100000",
    "streams",
    "Maximum number of streams that one identity, or else address, writes to while the gateway runs; 0 sets no limit",
  ),
  handshakeTimeoutMs: row(
    "HANDSHAKE_TIMEOUT_MS",
    whole(100, 600_000),
    "10000",
    "ms",
    "Maximum time for a TLS handshake and for the head of a request",
  ),
  uploadTimeoutMs: row(
    "UPLOAD_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "Maximum time for a whole request, and for one WebSocket message",
  ),
  idleTimeoutMs: row(
    "IDLE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "65000",
    "ms",
    "Time that an idle connection is kept open for the next HTTP request",
  ),
  writeTimeoutMs: row(
    "WRITE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "60000",
    "ms",
    "Time after which a connection is closed if its client reads less than 16 KB of the bytes that wait for it",
  ),
  sendHighWaterBytes: row(
    "SEND_HIGH_WATER_BYTES",
    bytes(1024),
    "256k",
    "bytes",
    "Unsent bytes at which a reader is paused; it catches up from Redis once they are sent",
  ),
  pushInFlightBytes: row(
    "PUSH_IN_FLIGHT_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Bytes of one push connection that may wait for Redis before the gateway stops reading its socket",
  ),
  totalInFlightBytes: row(
    "TOTAL_IN_FLIGHT_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Bytes of all push connections that may wait for Redis before the gateway stops reading their sockets",
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
    "Memory for responses that are being built or not yet read by their clients; above it requests wait, then receive 503",
  ),
  clientMemoryPercent: row(
    "CLIENT_MEMORY_PERCENT",
    whole(1, 100),
    "50",
    "",
    "Share of TOTAL_RECEIVE_BYTES and of TOTAL_ANSWER_BYTES that one client may use, in percent; a single item may exceed it",
  ),
  memoryWaitMs: row(
    "MEMORY_WAIT_MS",
    whole(0, 3_600_000),
    "30000",
    "ms",
    "Maximum wait of a request or message for memory before it is rejected with 503 or close code 1013",
  ),
  maxAnswerBytes: row(
    "MAX_ANSWER_BYTES",
    bytes(1024),
    "16m",
    "bytes",
    "Maximum payload bytes of one response, one payload of a pull, or one GraphQL operation; it then has fewer entries than requested",
  ),
  pageBytes: row("PAGE_BYTES", bytes(1024), "256k", "bytes", "Target size of a page when history is read"),
  pageCacheBytes: row(
    "PAGE_CACHE_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "Size of the page cache, for readers that catch up through the same history",
  ),
  recentBytes: row(
    "RECENT_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "Size of the cache of the newest entries of live streams, for readers that lag slightly",
  ),
  pollCacheBytes: row(
    "POLL_CACHE_BYTES",
    bytes(0),
    "8m",
    "bytes",
    "Size of the cache of responses to polling clients, each valid until its stream changes",
  ),
  pingIntervalMs: row(
    "PING_INTERVAL_MS",
    whole(100, 86_400_000),
    "30000",
    "ms",
    "Interval of WebSocket pings",
  ),
  pingTimeoutMs: row(
    "PING_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "Time without any frame from a WebSocket client, pongs included, after which it is closed",
  ),
  heartbeatMs: row(
    "HEARTBEAT_MS",
    whole(100, 86_400_000),
    "15000",
    "ms",
    "Interval of keep-alives: a comment on server-sent events, the last picture again on MJPEG",
  ),
  shutdownMs: row(
    "SHUTDOWN_MS",
    whole(100, 600_000),
    "8000",
    "ms",
    "Maximum time of a shutdown, in which requests in flight are answered and stored",
  ),
  metricsClasses: row(
    "METRICS_CLASSES",
    streamClasses,
    "",
    "",
    "Comma-separated classes of streams for metrics, such as cameras=*:cam*,glasses=glasses:*; the first matching pattern applies",
  ),
  otlpEndpoint: row(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    text,
    "",
    "",
    "OTLP over HTTP collector for traces, such as http://127.0.0.1:4318; empty sends none",
  ),
  logLevel: row(
    "LOG_LEVEL",
    choice("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "info",
    "",
    "Minimum level of log messages",
  ),
  logFormat: row(
    "LOG_FORMAT",
    choice("auto", "pretty", "json"),
    "auto",
    "",
    "Log format; auto is pretty on a terminal and JSON lines elsewhere",
  ),
} as const;

type Table = typeof SETTINGS;

/** Parsed settings. Names that end in `Ms` are milliseconds, those that end in `Bytes` are bytes. */
export type Settings = { readonly [K in keyof Table]: Table[K] extends Row<infer T> ? T : never };

/** Returns the flag of a variable: `REDIS_URL` is `--redis-url`. */
export const flagName = (env: string): string => env.toLowerCase().replaceAll("_", "-");

/** An invalid setting. The message names it and states what is allowed. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

const names = Object.keys(SETTINGS) as (keyof Table)[];

/**
 * Reads the settings. Flags take precedence over the environment.
 *
 * @param args command line without the program, `process.argv.slice(2)`
 * @param env environment, into which `.env` has been merged
 * @throws SettingError on an unknown flag or an invalid value, which it names
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
    // `docker compose` passes unset variables on as empty ones.
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

/** Rejects combinations of settings that contradict each other. */
function checkPairs(settings: Settings): void {
  const pair = (one: string, other: string, names: string) => {
    if ((one === "") !== (other === "")) throw new SettingError(`${names} must be set together`);
  };
  pair(settings.tlsCert, settings.tlsKey, "TLS_CERT and TLS_KEY");
  pair(settings.redisTlsCert, settings.redisTlsKey, "REDIS_TLS_CERT and REDIS_TLS_KEY");
  if (settings.redisTail === "blocking" && /^rediss?\+cluster:/i.test(settings.redisUrl))
    throw new SettingError('REDIS_TAIL must be auto or tracking with a cluster, got "blocking"');
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

/** Returns the text of `--help`. */
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
    "Every flag is also an environment variable, and may be a line in .env:",
    "",
    ...lines,
    "",
    "  --help                              Show this help",
    "",
  ].join("\n");
}

/** Returns the table of docs/configuration.md, in Markdown. */
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
