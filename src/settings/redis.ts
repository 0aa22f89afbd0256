/** Settings of Redis: which server, and how the gateway uses it. */
import { choice, redisUrl, text, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Settings of Redis: which server, and how the gateway uses it. */
export const REDIS = {
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
} as const;
