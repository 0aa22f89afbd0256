/**
 * Verifies JSON Web Tokens (RFC 7519): signature, audience, issuer and expiry. The token's `alg` only selects among the
 * algorithms of the configured keys, so a public key is never used as an HMAC secret.
 */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
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
} from "jose";
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { shown } from "../../domain/shown.ts";
import { watchFile } from "../watched-file.ts";
import type { Identity } from "./authorize.ts";
import { type Grant, parseGrant } from "./grant.ts";

/** Options of the verifier. */
export interface JwtOptions {
  /** Secret for HS256; empty disables HS256. */
  readonly secret: string;
  /** For RS256 and ES256: URL of a JWKS, or path of a JWKS, a public key or a certificate; empty disables both. */
  readonly keys: string;
  /** Required `aud`; empty disables the check. */
  readonly audience: string;
  /** Required `iss`; empty disables the check. */
  readonly issuer: string;
  /** Tolerated difference, in ms, between the clocks of issuer and gateway. */
  readonly clockToleranceMs: number;
  readonly logger: Logger;
}

/** Verifies tokens. */
export interface JwtVerifier {
  /** @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE if the keys cannot be fetched */
  verify(token: string): Promise<Identity>;
  close(): void;
}

const SYMMETRIC = "HS256";
const ASYMMETRIC = ["RS256", "ES256"];
/** OpenSSL's name of the curve of ES256 (RFC 7518, section 3.4). */
const P_256 = "prime256v1";
/** RFC 7518, section 3.2: the key must be at least as long as the hash. */
const MIN_SECRET_BYTES = 32;
const MAX_GRANTS = 1000;
const FETCH_TIMEOUT_MS = 5000;

/** Creates the verifier. @throws Error with a message for the operator if the secret or the keys are invalid */
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
    throw new errors.JOSEAlgNotAllowed(`algorithm ${JSON.stringify(alg)} is not accepted`);
  }

  return {
    async verify(token) {
      try {
        return identityOf(await payloadOf(token), clockToleranceMs);
      } catch (error) {
        throw rejectionOf(error);
      }
    },
    close: () => keys?.close(),
  };
}

function secretOf(text: string): Uint8Array | undefined {
  if (text === "") return undefined;
  const bytes = Buffer.from(text);
  if (bytes.length < MIN_SECRET_BYTES)
    throw new Error(`JWT_SECRET must have at least ${MIN_SECRET_BYTES} bytes for HS256, got ${bytes.length}`);
  return bytes;
}

function openKeys(
  source: string,
  logger: Logger,
): { readonly find: JWTVerifyGetKey; close(): void } | undefined {
  if (source === "") return undefined;
  if (/^https?:\/\//i.test(source)) {
    const find = createRemoteJWKSet(new URL(source), { timeoutDuration: FETCH_TIMEOUT_MS });
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
  // A private key would work, because it contains the public one, but the gateway must not have it.
  if (text.includes("PRIVATE KEY"))
    throw new Error(`JWT_KEYS must be the path of a public key, got a private key in ${path}`);
  const key = createPublicKey(text);
  const algorithm = algorithmOf(key);
  // As a set does. What Node throws for a key of another type differs between its versions.
  return ({ alg }) => {
    if (alg !== algorithm) throw new errors.JWKSNoMatchingKey();
    return key;
  };
}

/** Returns the algorithm of a public key (RFC 7518, section 3.1). @throws Error with a message for the operator if it is not supported */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const curve = asymmetricKeyDetails?.namedCurve;
  if (asymmetricKeyType === "rsa") return "RS256";
  if (curve === P_256) return "ES256";
  const got = [asymmetricKeyType, curve].filter((one) => one !== undefined).join(" ");
  throw new Error(`JWT_KEYS must have a key for RS256 (RSA) or ES256 (P-256), got ${got}`);
}

function identityOf(payload: JWTPayload, clockToleranceMs: number): Identity {
  const { exp = 0 } = payload;
  const { sub = "" }: { readonly sub?: unknown } = payload;
  // Otherwise all such tokens would share one account.
  if (typeof sub !== "string")
    throw new GatewayError("UNAUTHENTICATED", `the token's claim sub must be a string, got ${shown(sub)}`);
  return {
    name: `jwt:${accountOf(sub)}`,
    grants: grantsOf(payload),
    expiresAtMs: exp * 1000 + clockToleranceMs,
  };
}

/** Subjects up to this length are used unchanged as account names. */
const MAX_SUBJECT_CHARACTERS = 64;
/** Prefix of the hash in an account name. */
const HASHED = "~sha256:";

/**
 * Returns the account name of a subject, for limits and logs. Different subjects have different names. A long or unprintable
 * subject is represented by its first characters and its hash, and so is a subject that could be mistaken for such a name or
 * for `?`, the name of a token without a subject.
 */
function accountOf(subject: string): string {
  if (subject === "") return "?";
  const isPlain = /^[\x20-\x7e]+$/.test(subject) && subject.length <= MAX_SUBJECT_CHARACTERS;
  if (isPlain && subject !== "?" && !subject.includes(HASHED)) return subject;
  // Hash the UTF-16 text: UTF-8 would map all lone surrogates to one character.
  const hash = createHash("sha256").update(Buffer.from(subject, "utf16le")).digest("base64url");
  return `${subject.slice(0, 24).replace(/[^\x20-\x7e]/g, "?")}${HASHED}${hash}`;
}

/** Reads the grants in `permissions` (a list) and `scope` (words, RFC 8693, section 4.2); other values are ignored. */
function grantsOf({ permissions, scope }: JWTPayload): readonly Grant[] {
  const listed = Array.isArray(permissions) ? permissions.filter((one) => typeof one === "string") : [];
  const words = typeof scope === "string" ? scope.split(" ") : [];
  return [...listed, ...words].slice(0, MAX_GRANTS).flatMap((text) => {
    try {
      return [parseGrant(text)];
    } catch {
      return [];
    }
  });
}

/** Converts a verification error to the error that the client receives. */
function rejectionOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const reject = (message: string) => new GatewayError("UNAUTHENTICATED", message, { cause: error });
  if (error instanceof errors.JWTExpired) return reject("the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return reject(`the token's claim ${error.claim} is missing or invalid`);
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return reject("the token's signature algorithm is not accepted");
  if (isOutage(error))
    return new GatewayError("AUTH_UNAVAILABLE", "the keys for verifying tokens are unavailable", {
      cause: error,
    });
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey)
    return reject("the token's signature does not match a key of the gateway");
  return reject("this is neither an API key (rsk_…) nor a complete token (JWT)");
}

/** Returns whether fetching the keys failed, in which case the token may be valid. */
const isOutage = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC") ||
  (error instanceof TypeError && error.message === "fetch failed");
