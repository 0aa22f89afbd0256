/** Named gateways in a configuration file, so that a URL and a key are typed once. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CommandError, usageError } from "./exit-codes.ts";
import { errorText } from "./output/error-text.ts";

/** Named gateway, with the key for it. */
export interface Context {
  readonly url: string;
  readonly token?: string;
  /** File of certificate authorities. */
  readonly ca?: string;
}

/** Content of the configuration file. */
export interface Contexts {
  /** Name of the context that is used without a flag. */
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** Environment variables that select the file. */
export interface ContextEnvironment {
  readonly XDG_CONFIG_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/** Returns the path of the configuration file. */
export function contextsFile({ XDG_CONFIG_HOME, HOME }: ContextEnvironment): string {
  // An empty or relative path is invalid, and ignored (XDG Base Directory Specification).
  const base = XDG_CONFIG_HOME?.startsWith("/") ? XDG_CONFIG_HOME : join(HOME || homedir(), ".config");
  return join(base, "redis-streamer", "config.json");
}

/** Reads the contexts; there are none without a file. @throws CommandError if the file is not valid */
export function readContexts(file: string): Contexts {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return { contexts: {} };
    throw new CommandError(`cannot read ${file}: ${errorText(error)}`);
  }
  try {
    return parseContexts(JSON.parse(text));
  } catch (error) {
    throw new CommandError(`${file} is not valid: ${errorText(error)}`);
  }
}

/** Replaces the file. Only its owner may read it, because it has keys. @throws CommandError */
export function writeContexts(file: string, contexts: Contexts): void {
  const next = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(next, `${JSON.stringify(contexts, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(next, file);
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${errorText(error)}`);
  }
}

/** Returns a context. @throws CommandError if it does not exist */
export function contextOf({ contexts }: Contexts, name: string, file: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(contexts);
  throw usageError(
    `no context "${name}" in ${file}; ${known.length === 0 ? "it has none" : `it has ${known.join(", ")}`}`,
  );
}

function parseContexts(parsed: unknown): Contexts {
  const { current, contexts = {} } = membersOf(parsed, "the file");
  if (current !== undefined && typeof current !== "string") throw new Error('"current" must be a string');
  const entries = Object.entries(membersOf(contexts, '"contexts"')).map(([name, value]) => {
    const { url, token, ca } = membersOf(value, `context "${name}"`);
    for (const [member, text] of Object.entries({ token, ca }))
      if (text !== undefined && typeof text !== "string")
        throw new Error(`"${member}" of context "${name}" must be a string`);
    if (typeof url !== "string") throw new Error(`context "${name}" must have a "url"`);
    const context: Context = {
      url,
      ...(typeof token === "string" && { token }),
      ...(typeof ca === "string" && { ca }),
    };
    return [name, context] as const;
  });
  return { contexts: Object.fromEntries(entries), ...(current !== undefined && { current }) };
}

function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} must be an object`);
  return value as Readonly<Record<string, unknown>>;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
