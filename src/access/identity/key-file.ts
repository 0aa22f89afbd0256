/**
 * The file of API keys. It holds what a key may do and a hash of its secret; the key itself is shown once, when it is made.
 *
 *     {"keys": [{"id", "name", "hash", "permissions", "created", "expires"?}]}
 *
 * A key is `rsk_{id}_{secret}`. Its secret has 256 random bits, so a plain SHA-256 cannot be searched through, and a
 * slow hash would only slow down each request.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { formatGrant, type Grant, parseGrant } from "./grant.ts";

/** One key, without its secret. */
export interface ApiKey {
  readonly id: string;
  /** For people, in logs and lists. */
  readonly name: string;
  /** SHA-256 of the whole key, in hex. */
  readonly hash: string;
  readonly grants: readonly Grant[];
  /** ISO 8601. */
  readonly created: string;
  /** When it ends, in ms since 1970. */
  readonly expiresAtMs?: number;
}

/** What a new key is made of. */
export interface NewKey {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresAtMs?: number;
}

const KEY = /^rsk_([0-9a-f]{12})_[\w-]{43}$/;
const NAME = /^[\w.@-]{1,64}$/;

/** The id in a key; undefined where the text is no key. */
export const keyIdOf = (token: string): string | undefined => KEY.exec(token)?.[1];

/** Whether a token is the key behind this hash. Takes as long whatever the difference is. */
export const isKey = ({ hash }: ApiKey, token: string): boolean =>
  timingSafeEqual(Buffer.from(hash, "hex"), sha256(token));

/** Makes a key. @returns the key as the file has it, and the secret that nobody can make from it again */
export function makeKey({ name, grants, expiresAtMs }: NewKey): {
  readonly key: ApiKey;
  readonly secret: string;
} {
  if (!NAME.test(name)) throw new Error(`a key's name has 1 to 64 letters, digits and .@_-, not "${name}"`);
  if (grants.length === 0) throw new Error("a key without permissions would open nothing");
  const id = randomBytes(6).toString("hex");
  const secret = `rsk_${id}_${randomBytes(32).toString("base64url")}`;
  const key = { id, name, hash: sha256(secret).toString("hex"), grants, created: new Date().toISOString() };
  return { key: expiresAtMs === undefined ? key : { ...key, expiresAtMs }, secret };
}

/** Reads a file of keys; none where there is no file. @throws Error that says what is wrong with it */
export function readKeyFile(path: string): readonly ApiKey[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  try {
    return parseKeys(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} is no file of keys: ${(error as Error).message}`);
  }
}

/** Writes a file of keys, for its owner alone, so that whoever reads at the same time sees it before or after, never half. */
export function writeKeyFile(path: string, keys: readonly ApiKey[]): void {
  const rows = keys.map(({ id, name, hash, grants, created, expiresAtMs }) => ({
    id,
    name,
    hash,
    permissions: grants.map(formatGrant),
    created,
    ...(expiresAtMs !== undefined && { expires: new Date(expiresAtMs).toISOString() }),
  }));
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify({ keys: rows }, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function parseKeys(value: unknown): readonly ApiKey[] {
  const rows = isObject(value) ? value.keys : undefined;
  if (!Array.isArray(rows)) throw new Error('it wants {"keys": […]}');
  return rows.map((row: unknown, i): ApiKey => {
    const { id, name, hash, permissions, created, expires } = isObject(row) ? row : {};
    if (typeof id !== "string" || typeof name !== "string" || typeof hash !== "string")
      throw new Error(`key ${i + 1} wants an id, a name and a hash`);
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error(`the hash of ${name} is no SHA-256 in hex`);
    if (!Array.isArray(permissions)) throw new Error(`${name} wants a list of permissions`);
    const key = {
      id,
      name,
      hash,
      grants: permissions.map((one) => parseGrant(String(one))),
      created: typeof created === "string" ? created : "",
    };
    if (expires === undefined) return key;
    const expiresAtMs = Date.parse(String(expires));
    if (Number.isNaN(expiresAtMs)) throw new Error(`${name} expires at no time: "${expires}"`);
    return { ...key, expiresAtMs };
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
