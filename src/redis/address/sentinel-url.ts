/** Sentinel URL in `REDIS_URL`: sentinels, and the name of the master. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { decoded, portOf, type RedisAddress, tlsAt } from "./redis-url.ts";

/** One sentinel. */
export interface SentinelHost {
  readonly host: string;
  readonly port: number;
}

/** Credentials. */
interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** Parsed sentinel URL. */
export interface SentinelUrl {
  /** Sentinels in query order; at least one. */
  readonly sentinels: readonly SentinelHost[];
  /** Name of the master in the configuration of the sentinels. */
  readonly master: string;
  readonly sentinelLogin: Login;
  readonly tls?: TlsOptions;
  /** Returns the address of a Redis server that the sentinels reported. */
  addressOf(host: SentinelHost): RedisAddress;
}

const SENTINEL_PORT = 26379;
/** A URL cannot have several hosts (RFC 3986, section 3.2), so the parts are matched here. */
const PARTS = /^rediss?\+sentinel:\/\/(?:(.*)@)?([^@/?#]+)\/([^/?#]+)(?:\/(\d{0,9}))?(?:\?([^#]*))?$/i;
const USERNAME = "sentinel_username";
const PASSWORD = "sentinel_password";

/** Whether a Redis URL names sentinels. */
export const isSentinelUrl = (text: string): boolean => /^rediss?\+sentinel:/i.test(text);

/**
 * Reads `redis+sentinel://user:password@host:port,host:port/master-name/database`, or `rediss+sentinel://…`. User and
 * password are the master's; the sentinels' own are the parameters `sentinel_username` and `sentinel_password`.
 *
 * @param tls TLS options for `rediss+sentinel://`, for sentinels and masters
 * @throws Error that describes the problem without the passwords
 */
export function parseSentinelUrl(text: string, tls: TlsOptions = {}): SentinelUrl {
  const [whole, login = "", hosts = "", name = "", database = "", query = ""] = PARTS.exec(text) ?? [];
  if (whole === undefined)
    throw new Error(
      "REDIS_URL must be redis+sentinel://host:port,host:port/master-name, optionally followed by /database",
    );
  const colon = login.indexOf(":");
  const masterLogin = loginOf(
    decoded(colon < 0 ? login : login.slice(0, colon), "user"),
    decoded(colon < 0 ? "" : login.slice(colon + 1), "password"),
  );
  const parameters = new URLSearchParams(query);
  for (const parameter of parameters.keys())
    if (parameter !== USERNAME && parameter !== PASSWORD)
      throw new Error(
        `REDIS_URL has the unknown parameter ${parameter}; known are ${USERNAME} and ${PASSWORD}`,
      );
  const isTls = /^rediss/i.test(text);
  return {
    sentinels: hosts.split(",").map(hostOf),
    master: decoded(name, "master name"),
    sentinelLogin: loginOf(parameters.get(USERNAME) ?? "", parameters.get(PASSWORD) ?? ""),
    ...(isTls && { tls }),
    addressOf: (target) => ({
      target,
      ...(isTls && { tls: tlsAt(target.host, tls) }),
      ...masterLogin,
      database: Number(database),
    }),
  };
}

const loginOf = (username: string, password: string): Login => ({
  ...(username !== "" && { username }),
  ...(password !== "" && { password }),
});

function hostOf(text: string): SentinelHost {
  const url = `redis://${text}`;
  if (text === "" || !URL.canParse(url))
    throw new Error(`REDIS_URL: "${text}" is not a valid host and port of a sentinel`);
  const parsed = new URL(url);
  return { host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"), port: portOf(parsed, SENTINEL_PORT) };
}
