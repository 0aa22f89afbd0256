/** Sentinel URL in `REDIS_URL`: sentinels, and the name of the master. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { decoded, type RedisAddress, tlsAt } from "../redis-url.ts";

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
  /** The name that the sentinels know the master by. */
  readonly master: string;
  readonly sentinelLogin: Login;
  readonly tls?: TlsOptions;
  /** What is at a host that the sentinels named. */
  addressOf(host: SentinelHost): RedisAddress;
}

const SENTINEL_PORT = 26379;
/** Several hosts with ports are no URL (RFC 3986, section 3.2), so it is taken apart by hand. */
const PARTS = /^rediss?\+sentinel:\/\/(?:(.*)@)?([^@/?#]+)\/([^/?#]+)(?:\/(\d{0,9}))?(?:\?([^#]*))?$/i;
const USERNAME = "sentinel_username";
const PASSWORD = "sentinel_password";

/** Whether a Redis URL names sentinels. */
export const isSentinelUrl = (text: string): boolean => /^rediss?\+sentinel:/i.test(text);

/**
 * Reads `redis+sentinel://user:password@host:port,host:port/master-name/database`, or `rediss+sentinel://…`. User and
 * password are the master's; the sentinels' own are the parameters `sentinel_username` and `sentinel_password`.
 *
 * @param tls how servers of `rediss+sentinel://`, sentinels and masters, are checked, and what they are shown
 * @throws Error that describes the problem without the passwords
 */
export function parseSentinelUrl(text: string, tls: TlsOptions = {}): SentinelUrl {
  const [whole, login = "", hosts = "", name = "", database = "", query = ""] = PARTS.exec(text) ?? [];
  if (whole === undefined)
    throw new Error(
      "REDIS_URL wants redis+sentinel://host:port,host:port/master-name, and /number for a database",
    );
  const colon = login.indexOf(":");
  const masterLogin = loginOf(
    decoded(colon < 0 ? login : login.slice(0, colon), "user"),
    decoded(colon < 0 ? "" : login.slice(colon + 1), "password"),
  );
  const parameters = new URLSearchParams(query);
  for (const parameter of parameters.keys())
    if (parameter !== USERNAME && parameter !== PASSWORD)
      throw new Error(`REDIS_URL has a parameter ${parameter}; there are ${USERNAME} and ${PASSWORD}`);
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
    throw new Error(`REDIS_URL: "${text}" is no host and port of a sentinel`);
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? SENTINEL_PORT : Number(port) };
}
