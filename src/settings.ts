/**
 * Settings table, composed of one table per area. Each row declares an environment variable, a flag, a line of `--help` and
 * a line of docs/configuration.md. No other part of the program reads the environment.
 */
import { parseArgs } from "node:util";
import { AUTH } from "./settings/auth.ts";
import { CLIENTS } from "./settings/clients.ts";
import { GRAPHQL } from "./settings/graphql.ts";
import { MEMORY } from "./settings/memory.ts";
import { OBSERVE } from "./settings/observe.ts";
import { REDIS } from "./settings/redis.ts";
import { REQUESTS } from "./settings/requests.ts";
import { flagName, type Row } from "./settings/row.ts";
import { SERVER } from "./settings/server.ts";
import { STREAMS } from "./settings/streams.ts";

/** All settings, by their name in the code. */
export const SETTINGS = {
  ...SERVER,
  ...REDIS,
  ...STREAMS,
  ...AUTH,
  ...REQUESTS,
  ...GRAPHQL,
  ...CLIENTS,
  ...MEMORY,
  ...OBSERVE,
} as const;

type Table = typeof SETTINGS;

/** Parsed settings. Names that end in `Ms` are milliseconds, those that end in `Bytes` are bytes. */
export type Settings = { readonly [K in keyof Table]: Table[K] extends Row<infer T> ? T : never };

/** Error of an invalid setting. The message names it and states what is allowed. */
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
