/**
 * Keys file. It stores the permissions and a hash of each API key; the key itself is shown once, when it is created.
 *
 *     {"keys": [{"id", "name", "hash", "permissions", "created", "expires"?, "link"?}]}
 *
 * A key is `rsk_{id}_{secret}`. Its secret has 256 random bits, so a plain SHA-256 cannot be reversed by search, and
 * a slow hash would only slow down each request.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { isObject } from "../../domain/is-object.ts";
import { formatGrant, type Grant, parseGrant } from "./grant.ts";

/** One key, without its secret. */
export interface ApiKey {
  readonly id: string;
  /** Display name for logs and lists. */
  readonly name: string;
  /** SHA-256 of the whole key, in hex. */
  readonly hash: string;
  readonly grants: readonly Grant[];
  /** ISO 8601. */
  readonly created: string;
  /** Expiry, in ms since 1970. */
  readonly expiresAtMs?: number;
  /** A link key: it is accepted only in the URL of a viewer (`?key=` of `/foxglove`), and may only read. */
  readonly isLink?: true;
}

/** Properties of a key to be created. */
export interface NewKey {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresAtMs?: number;
  readonly isLink?: boolean;
}

const KEY = /^rsk_([0-9a-f]{12})_[\w-]{43}$/;
const NAME = /^[\w.@-]{1,64}$/;

/** Returns the id in a key, or undefined if the text is not a key. */
export const keyIdOf = (token: string): string | undefined => KEY.exec(token)?.[1];

/** Returns whether a token matches the key's hash, in constant time. */
export const isKey = ({ hash }: ApiKey, token: string): boolean =>
  timingSafeEqual(Buffer.from(hash, "hex"), sha256(token));

/** Creates a key. @returns the row of the keys file, and the secret, which cannot be recovered from it */
export function makeKey({ name, grants, expiresAtMs, isLink = false }: NewKey): {
  readonly key: ApiKey;
  readonly secret: string;
} {
  if (!NAME.test(name))
    throw new Error(`a key name must have 1 to 64 letters, digits or .@_-, got "${name}"`);
  if (grants.length === 0) throw new Error("a key must have at least one permission");
  if (isLink) requireRead(name, grants);
  const id = randomBytes(6).toString("hex");
  const secret = `rsk_${id}_${randomBytes(32).toString("base64url")}`;
  const hash = sha256(secret).toString("hex");
  const key: ApiKey = {
    ...{ id, name, hash, grants, created: new Date().toISOString() },
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(isLink && { isLink }),
  };
  return { key, secret };
}

/** URLs are copied into logs, histories and chats, so their keys may not change anything. */
function requireRead(name: string, grants: readonly Grant[]): void {
  const other = grants.find(({ action }) => action !== "read");
  if (other !== undefined)
    throw new Error(`the permissions of link key ${name} must begin with read:, got ${formatGrant(other)}`);
}

/** Reads a keys file; a missing file has no keys. @throws Error that describes the problem in the file */
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
    throw new Error(`${path} is not a valid keys file: ${(error as Error).message}`);
  }
}

/** Writes a keys file with access for its owner only. The write is atomic for concurrent readers. */
export function writeKeyFile(path: string, keys: readonly ApiKey[]): void {
  const rows = keys.map(({ id, name, hash, grants, created, expiresAtMs, isLink }) => ({
    id,
    name,
    hash,
    permissions: grants.map(formatGrant),
    created,
    ...(expiresAtMs !== undefined && { expires: new Date(expiresAtMs).toISOString() }),
    ...(isLink && { link: true }),
  }));
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify({ keys: rows }, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function parseKeys(value: unknown): readonly ApiKey[] {
  const rows = isObject(value) ? value.keys : undefined;
  if (!Array.isArray(rows)) throw new Error('the file must contain {"keys": […]}');
  return rows.map((row: unknown, i): ApiKey => {
    const { id, name, hash, permissions, created, expires, link } = isObject(row) ? row : {};
    if (typeof id !== "string" || typeof name !== "string" || typeof hash !== "string")
      throw new Error(`key ${i + 1} must have an id, a name and a hash`);
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error(`the hash of key ${name} must be a SHA-256 in hex`);
    if (!Array.isArray(permissions)) throw new Error(`the permissions of key ${name} must be a list`);
    if (link !== undefined && typeof link !== "boolean")
      throw new Error(`link of key ${name} must be true or false, got ${JSON.stringify(link)}`);
    const grants = permissions.map((one) => parseGrant(String(one)));
    if (link) requireRead(name, grants);
    const key = {
      ...{ id, name, hash, grants },
      created: typeof created === "string" ? created : "",
      ...(link && { isLink: link }),
    };
    if (expires === undefined) return key;
    const expiresAtMs = Date.parse(String(expires));
    if (Number.isNaN(expiresAtMs))
      throw new Error(`the expiry of key ${name} must be a time, got "${expires}"`);
    return { ...key, expiresAtMs };
  });
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
