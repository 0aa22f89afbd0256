/**
 * Declarations of clients that store entries: `content_type` and `schema`, or the `Content-Type` of a posted body. They are
 * merged into the metadata of each stream once an entry of the client is stored there (docs/protocol.md, "Declared content").
 */

import {
  checkSchema,
  type Declaration,
  readDeclaration,
  type Schema,
} from "../../../domain/content/declaration.ts";
import { guessType } from "../../../domain/content/detection.ts";
import {
  essenceOf,
  isDescriptive,
  MAX_TYPE_CHARACTERS,
  parseMediaType,
} from "../../../domain/content/media-type.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import type { NewEntry } from "../../../domain/streams/entry.ts";
import type { AppendDone, AppendResult } from "../../../redis/append/appender.ts";
import type { Registry } from "../../../redis/registry/registry.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import { markNumbers, unmarkNumbers } from "../exact-numbers.ts";
import type { ParametersOf } from "../parameters/parameters.ts";

/** Declaration of a client, and whether it replaces an existing one. */
export interface RequestedDeclaration {
  readonly members: Pick<Declaration, "contentType" | "schema">;
  readonly replaces: boolean;
}

/** Declarations of all clients. */
export interface Declarations {
  /**
   * Merges a declaration into a stream's metadata. The entries are stored already, so it never fails.
   *
   * @returns a warning if the declaration could not be stored
   */
  declare(key: string, requested: RequestedDeclaration): Promise<string | undefined>;
  /** Whether a stream is known to declare a content type: then that of another entry is of no interest. */
  knowsType(key: string): boolean;
  /** Call when a stream's metadata was replaced or deleted. Changes through another gateway are noticed within 10 s. */
  forget(key: string): void;
}

/** Reads the parameters of a declaration. @returns undefined if the request has none @throws GatewayError BAD_PARAMETER */
export function readDeclarationParameters({
  content_type,
  schema,
  declare,
}: Pick<ParametersOf<"post">, "content_type" | "schema" | "declare">): RequestedDeclaration | undefined {
  const replaces = declare === "replace";
  if (content_type === "" && schema === "" && !replaces) return undefined;
  return {
    members: {
      ...(content_type !== "" && { contentType: readContentType(content_type) }),
      ...(schema !== "" && { schema: readSchema(schema) }),
    },
    replaces,
  };
}

function readContentType(given: string): string {
  // An unescaped plus, as in image/svg+xml, arrives as a space. A media type contains none before its parameters.
  const type = parseMediaType(given.replace(/^[^;]*/, (essence) => essence.trim().replaceAll(" ", "+")));
  if (type !== undefined) return type;
  throw badParameter(
    "content_type",
    `must be a media type of at most ${MAX_TYPE_CHARACTERS} characters, such as image/jpeg, got ${shown(given)}`,
  );
}

/** Names of schemas: `Imu`, `sensor_msgs/msg/Imu`, `foxglove.Grid`. */
const SCHEMA_NAME = /^[\w./:-]{1,200}$/;

function readSchema(given: string): Schema {
  if (SCHEMA_NAME.test(given)) return { name: given };
  const checked = checkSchema(parseObject(given));
  if ("value" in checked) return checked.value;
  throw badParameter("schema", `${checked.problem}, got ${shown(given)}`);
}

function parseObject(given: string): unknown {
  checkJsonBounds(given, "schema");
  try {
    return JSON.parse(given);
  } catch {
    throw badParameter(
      "schema",
      `must be a name, or {"name": …, "encoding": …, "data": …} in JSON, got ${shown(given)}`,
    );
  }
}

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/**
 * Returns the media type that the `Content-Type` of a body, or of a part, declares for its stream; undefined if it declares
 * none. `text/plain` is the default of `fetch` and of a part without a type, so it counts only for text that is not JSON.
 */
export function declaredType(contentType: string | undefined, data: Uint8Array): string | undefined {
  if (contentType === undefined || !isDescriptive(contentType)) return undefined;
  const type = parseMediaType(contentType);
  if (type === undefined) return undefined;
  return essenceOf(type) === "text/plain" && guessType(data) !== "text/plain" ? undefined : type;
}

/** Time (ms) for which a stream is known to declare something. POST requests within it need no read from Redis. */
const KNOWN_MS = 10_000;
/** Streams remembered. Above this, all are forgotten. */
const MAX_STREAMS = 10_000;

/** Members that a stream's metadata declares. */
interface Known {
  readonly members: ReadonlySet<string>;
  readonly untilMs: number;
}

/** Creates the declarations of a gateway. */
export function createDeclarations(registry: Pick<Registry, "changeStreamMeta">): Declarations {
  const known = new Map<string, Known>();
  const running = new Map<string, Promise<string | undefined>>();

  const hasMembers = (key: string, names: readonly string[]): boolean => {
    const { members, untilMs = 0 } = known.get(key) ?? {};
    return untilMs > performance.now() && names.every((name) => members?.has(name));
  };

  async function store(
    key: string,
    { members, replaces }: RequestedDeclaration,
  ): Promise<string | undefined> {
    try {
      let declared: ReadonlySet<string> = new Set();
      await registry.changeStreamMeta(key, (old) => {
        const before = parseMeta(old);
        const added = Object.entries(members).filter(([name]) => replaces || before[name] == null);
        const after = { ...before, ...Object.fromEntries(added) };
        declared = new Set(Object.entries(after).flatMap(([name, value]) => (value == null ? [] : [name])));
        return added.length === 0 ? undefined : unmarkNumbers(JSON.stringify(after));
      });
      if (known.size >= MAX_STREAMS) known.clear();
      known.set(key, { members: declared, untilMs: performance.now() + KNOWN_MS });
      return undefined;
    } catch (error) {
      const reason = error instanceof GatewayError ? error.message : "internal error";
      return `the entry is stored, but not its declaration: ${reason}`;
    }
  }

  return {
    knowsType: (key) => hasMembers(key, ["contentType"]),
    forget: (key) => known.delete(key),
    async declare(key, requested) {
      // Requests that arrive at once for a new stream write its metadata once.
      for (let other = running.get(key); other !== undefined; other = running.get(key)) await other;
      const names = Object.keys(requested.members);
      if (requested.replaces ? names.length === 0 : hasMembers(key, names)) return undefined;
      const storing = store(key, requested).finally(() => running.delete(key));
      running.set(key, storing);
      return storing;
    },
  };
}

/** Returns the declaration in a stream's stored metadata. Metadata that is not valid JSON declares nothing. */
export function declarationOf(meta: Buffer | undefined): Declaration {
  if (meta === undefined) return {};
  try {
    return readDeclaration(parseMeta(meta)).declaration;
  } catch {
    return {};
  }
}

/** Parses stored metadata so that its numbers are written back unchanged. @throws GatewayError if it is not an object */
function parseMeta(old: Buffer | undefined): Readonly<Record<string, unknown>> {
  if (old === undefined) return {};
  const json = old.toString();
  checkJsonBounds(json, "the metadata");
  let value: unknown;
  try {
    value = JSON.parse(markNumbers(json));
  } catch {
    // Reported below.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new GatewayError("BAD_PAYLOAD", "the metadata of the stream is not a JSON object");
}

/** Declarations of one connection: stored once per stream, after the first entry that is stored there. */
export interface ConnectionDeclarations {
  /** Registers a stream that the connection uses for the first time. */
  use(key: string): void;
  /** Delays the end of a batch until the streams that got their first entry are declared. */
  before(entries: readonly NewEntry[], done: AppendDone): AppendDone;
}

/** Streams of a connection that are remembered. Clients choose them, so the number must be limited. */
const MAX_KEYS = 10_000;

/** Creates the declarations of a connection. @param onWarning called if a declaration could not be stored */
export function createConnectionDeclarations(
  requested: RequestedDeclaration,
  declarations: Declarations,
  onWarning: (text: string) => void,
): ConnectionDeclarations {
  const used = new Set<string>();
  const undeclared = new Set<string>();
  return {
    use(key) {
      // A stream is used for the first time again after the client renewed its token.
      if (used.has(key)) return;
      if (used.size >= MAX_KEYS) {
        used.clear();
        undeclared.clear();
      }
      used.add(key);
      undeclared.add(key);
    },
    before: (entries, done) => (results, isKept) => {
      const keys = undeclared.size === 0 ? [] : firstStored(entries, results);
      if (keys.length === 0) done(results, isKept);
      else void storeAll(keys).then(() => done(results, isKept));
    },
  };

  /** Returns the streams that are not declared and have an entry that was stored. */
  function firstStored(entries: readonly NewEntry[], results: readonly AppendResult[]): readonly string[] {
    const stored = entries.filter((_, i) => !(results[i] instanceof GatewayError));
    return stored.flatMap(({ key }) => (undeclared.delete(key) ? [key] : []));
  }

  async function storeAll(keys: readonly string[]): Promise<void> {
    for (const text of await Promise.all(keys.map((key) => declarations.declare(key, requested))))
      if (text !== undefined) onWarning(text);
  }
}
