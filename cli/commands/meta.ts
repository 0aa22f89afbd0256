/** `meta get|set`: metadata of a stream. */
import type { CommandRow } from "../command.ts";
import { openStreamer } from "../connection.ts";
import { usageError } from "../exit-codes.ts";
import { NAMING, type NamingFlags } from "../options.ts";

const get: CommandRow = {
  name: "get",
  group: "Streams",
  summary: "print the metadata of a stream as JSON",
  arguments: [{ name: "<stream>", doc: "stream", kind: "stream" }],
  options: NAMING,
  async run({ terminal, signal }, [stream]: [string], flags: NamingFlags) {
    const { device, prefix } = flags;
    const meta = await openStreamer(flags).meta(stream, { device, prefix, signal });
    await terminal.print(JSON.stringify(meta, undefined, 2));
  },
};

interface SetFlags extends NamingFlags {
  readonly replace?: true;
}

const set: CommandRow = {
  name: "set",
  group: "Streams",
  summary: "set members of the metadata of a stream",
  arguments: [
    { name: "<stream>", doc: "stream", kind: "stream" },
    { name: "<members...>", doc: "name=value, where the value is JSON or text; or one JSON object" },
  ],
  options: [...NAMING, { flags: "--replace", doc: "remove all other members" }],
  examples: ["redis-streamer meta set imu maxAge=24h contentType=application/json"],
  async run({ signal }, [stream, members]: [string, readonly string[]], flags: SetFlags) {
    const { device, prefix, replace } = flags;
    const options = { device, prefix, signal, merge: replace !== true };
    await openStreamer(flags).setMeta(stream, parseMembers(members), options);
  },
};

/** The command. */
export const meta: CommandRow = {
  name: "meta",
  group: "Streams",
  summary: "read and change the metadata of a stream",
  commands: [get, set],
};

/** Parses `name=value` pairs, or one JSON object. @throws CommandError */
function parseMembers(members: readonly string[]): unknown {
  const [first = ""] = members;
  if (members.length === 1 && first.trimStart().startsWith("{")) {
    const parsed = jsonOf(first);
    if (parsed === undefined) throw usageError(`metadata must be valid JSON, got "${first}"`);
    return parsed.value;
  }
  const pairs = members.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw usageError(`a member must be name=value, got "${text}"`);
    const value = text.slice(at + 1);
    return [text.slice(0, at), jsonOf(value)?.value ?? value] as const;
  });
  return Object.fromEntries(pairs);
}

function jsonOf(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
