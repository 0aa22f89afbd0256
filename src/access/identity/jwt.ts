/**
 * JSON Web Tokens (RFC 7519): who signed them, whom they are for, how long they hold. The algorithm that a token names
 * only chooses among those that the keys here are for, so that no public key is ever taken for a secret.
 */
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  type KeyInput,
} from "jose";
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { watchFile } from "../watched-file.ts";
import type { Identity } from "./authorize.ts";
import { type Grant, parseGrant } from "./grant.ts";

/** What decides which tokens are good. */
export interface JwtOptions {
  /** For HS256; empty takes none. */
  readonly secret: string;
  /** For RS256 and ES256: the URL of a JWKS, or the path of a JWKS, a public key or a certificate; empty takes none. */
  readonly keys: string;
  /** What `aud` has to name; empty does not ask. */
  readonly audience: string;
  /** What `iss` has to be; empty does not ask. */
  readonly issuer: string;
  /** By how much (ms) the clocks of issuer and gateway may differ. */
  readonly clockToleranceMs: number;
  readonly logger: Logger;
}

/** Checks tokens. */
export interface JwtVerifier {
  /** @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE where the keys cannot be had */
  verify(token: string): Promise<Identity>;
  close(): void;
}

const SYMMETRIC = "HS256";
const ASYMMETRIC = ["RS256", "ES256"];
/** RFC 7518, section 3.2: a key as long as the hash. */
const LEAST_SECRET_BYTES = 32;
const MOST_GRANTS = 1000;
const FETCH_WITHIN_MS = 5000;

/** Makes the verifier. @throws Error with a sentence where secret or keys cannot be used */
export function createJwtVerifier(options: JwtOptions): JwtVerifier {
  const { audience, issuer, clockToleranceMs } = options;
  const secret = secretOf(options.secret);
  const keys = openKeys(options.keys, options.logger);
  const checks = {
    clockTolerance: clockToleranceMs / 1000,
    requiredClaims: ["exp"],
    ...(audience !== "" && { audience }),
    ...(issuer !== "" && { issuer }),
  };

  async function payloadOf(token: string): Promise<JWTPayload> {
    const { alg } = decodeProtectedHeader(token);
    if (alg === SYMMETRIC && secret !== undefined)
      return (await jwtVerify(token, secret, { ...checks, algorithms: [SYMMETRIC] })).payload;
    if (alg !== undefined && ASYMMETRIC.includes(alg) && keys !== undefined)
      return (await jwtVerify(token, keys.find, { ...checks, algorithms: ASYMMETRIC })).payload;
    throw new errors.JOSEAlgNotAllowed(`"alg" ${JSON.stringify(alg)} is not taken here`);
  }

  return {
    async verify(token) {
      try {
        return identityOf(await payloadOf(token), clockToleranceMs);
      } catch (error) {
        throw refusalOf(error);
      }
    },
    close: () => keys?.close(),
  };
}

function secretOf(text: string): Uint8Array | undefined {
  if (text === "") return undefined;
  const bytes = Buffer.from(text);
  if (bytes.length < LEAST_SECRET_BYTES)
    throw new Error(`JWT_SECRET has ${bytes.length} bytes; HS256 wants at least ${LEAST_SECRET_BYTES}`);
  return bytes;
}

function openKeys(
  source: string,
  logger: Logger,
): { readonly find: JWTVerifyGetKey; close(): void } | undefined {
  if (source === "") return undefined;
  if (/^https?:\/\//i.test(source)) {
    const find = createRemoteJWKSet(new URL(source), { timeoutDuration: FETCH_WITHIN_MS });
    return { find, close: () => undefined };
  }
  const file = watchFile({
    paths: [source],
    read: () => readKeys(source),
    onChange: () => undefined,
    logger,
  });
  return { find: (header, token) => file.value()(header, token), close: file.close };
}

function readKeys(path: string): JWTVerifyGetKey {
  const text = readFileSync(path, "utf8");
  if (text.trimStart().startsWith("{")) return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  // A private key holds its public one; it has no business here.
  if (text.includes("PRIVATE KEY")) throw new Error(`JWT_KEYS ${path} is a private key; name the public one`);
  const key: KeyInput = createPublicKey(text);
  return () => key;
}

function identityOf(payload: JWTPayload, clockToleranceMs: number): Identity {
  const { sub, exp = 0 } = payload;
  return {
    name: `jwt:${accountOf(typeof sub === "string" ? sub : "")}`,
    grants: grantsOf(payload),
    expiresAtMs: exp * 1000 + clockToleranceMs,
  };
}

/** Subjects of up to this many characters name their account as they are. */
const MOST_SUBJECT_CHARACTERS = 64;
/** Before the hash in an account's name. */
const HASHED = "~sha256:";

/**
 * The account of a subject, by which limits count: different subjects never share one. It also goes to logs, so a subject
 * that is long, or not printable ASCII, appears as its readable beginning and its hash. So does one that could be taken for
 * such a name, and one that could be taken for a token without a subject, which is `?`.
 */
function accountOf(subject: string): string {
  if (subject === "") return "?";
  const isPlain = /^[\x20-\x7e]+$/.test(subject) && subject.length <= MOST_SUBJECT_CHARACTERS;
  if (isPlain && subject !== "?" && !subject.includes(HASHED)) return subject;
  // As UTF-16: UTF-8 would make one of all lone surrogates.
  const hash = createHash("sha256").update(Buffer.from(subject, "utf16le")).digest("base64url");
  return `${subject.slice(0, 24).replace(/[^\x20-\x7e]/g, "?")}${HASHED}${hash}`;
}

/** `permissions`, a list, and `scope`, words (RFC 8693, section 4.2), in which others may have theirs too. */
function grantsOf({ permissions, scope }: JWTPayload): readonly Grant[] {
  const listed = Array.isArray(permissions) ? permissions.filter((one) => typeof one === "string") : [];
  const words = typeof scope === "string" ? scope.split(" ") : [];
  return [...listed, ...words].slice(0, MOST_GRANTS).flatMap((text) => {
    try {
      return [parseGrant(text)];
    } catch {
      return [];
    }
  });
}

/** What a client may know of why its token is not taken. */
function refusalOf(error: unknown): GatewayError {
  const refuse = (sentence: string) => new GatewayError("UNAUTHENTICATED", sentence, { cause: error });
  if (error instanceof errors.JWTExpired) return refuse("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return refuse(`the token's claim ${error.claim} is missing or not right`);
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return refuse("the token is signed in a way that is not taken here");
  if (isOutage(error))
    return new GatewayError("AUTH_UNAVAILABLE", "the keys that tokens are signed with cannot be had now", {
      cause: error,
    });
  return refuse("the token is not good");
}

/** Whether fetching the keys failed, which says nothing about the token. */
const isOutage = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC") ||
  (error instanceof TypeError && error.message === "fetch failed");
