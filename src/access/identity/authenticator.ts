/** Authenticator: resolves credentials (an API key, a token or a ticket) to an identity. */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import { watchFile } from "../watched-file.ts";
import { ANYONE, type Identity } from "./authorize.ts";
import type { Credentials } from "./credentials.ts";
import { createJwtVerifier, type JwtOptions } from "./jwt.ts";
import { type ApiKey, isKey, keyIdOf, readKeyFile } from "./key-file.ts";
import type { Tickets } from "./tickets.ts";

/** Resolves credentials to identities. */
export interface Authenticator {
  /** Whether authentication is off: every client may do everything. */
  readonly isOpen: boolean;
  /**
   * Returns the identity behind credentials, synchronously if it is already known.
   *
   * @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE if the credentials cannot be checked now
   */
  identify(credentials: Credentials | undefined): Identity | Promise<Identity>;
  /** Returns whether an identity is still valid: not expired, and its key not revoked. */
  isGood(identity: Identity): boolean;
  /**
   * Returns an identity with the permissions that its key has now. The same object as long as they are the same.
   */
  current(identity: Identity): Identity;
  /** Calls back after keys were added or revoked: identities may have become invalid. */
  onKeysChange(callback: () => void): void;
  close(): void;
}

/** Options of the authenticator. */
export interface AuthenticatorOptions extends JwtOptions {
  /** `AUTH`; if off, every client has the identity `ANYONE`. */
  readonly isOn: boolean;
  readonly keysFile: string;
  readonly tickets: Tickets;
}

/** Longest time, in ms, that a verified token is cached: checking a signature costs far more than a look-up. */
const CACHE_MS = 30_000;
const MAX_CACHED = 10_000;

const OPEN: Authenticator = {
  isOpen: true,
  identify: () => ANYONE,
  isGood: () => true,
  current: (identity) => identity,
  onKeysChange: () => undefined,
  close: () => undefined,
};

/** Creates the authenticator. @throws Error with a message for the operator if a setting is invalid */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  if (!options.isOn) return OPEN;
  const { keysFile, tickets, logger } = options;
  const jwt = createJwtVerifier(options);
  const readKeys = () => new Map(readKeyFile(keysFile).map((key) => [key.id, key]));
  let keysChanged: () => void = () => undefined;
  const keys = watchFile({ paths: [keysFile], read: readKeys, onChange: () => keysChanged(), logger });
  if (keys.value().size === 0 && options.secret === "" && options.keys === "")
    logger.warn(
      { keysFile },
      "AUTH is on and the keys file has no keys; create one with: redis-streamer keys add",
    );
  /** Identities of the keys in the file, new objects each time it is read. */
  const identities = new WeakMap<ApiKey, Identity>();
  const verified = new Map<string, { readonly identity: Identity; readonly untilMs: number }>();

  function identifyKey(id: string, token: string): Identity {
    const key = keys.value().get(id);
    if (key === undefined || !isKey(key, token))
      throw new GatewayError("UNAUTHENTICATED", "the API key is unknown or was revoked");
    return requireUnexpired(knownIdentityOf(key), "the API key has expired");
  }

  function knownIdentityOf(key: ApiKey): Identity {
    const identity = identities.get(key) ?? identityOf(key);
    identities.set(key, identity);
    return identity;
  }

  async function identifyToken(token: string): Promise<Identity> {
    const identity = await jwt.verify(token);
    if (verified.size >= MAX_CACHED) verified.clear();
    verified.set(hashOf(token), { identity, untilMs: performance.now() + CACHE_MS });
    return identity;
  }

  function cached(token: string): Identity | undefined {
    const known = verified.get(hashOf(token));
    return known !== undefined && known.untilMs > performance.now() ? known.identity : undefined;
  }

  async function redeem(ticket: string): Promise<Identity> {
    const identity = await tickets.redeem(ticket);
    if (!isGood(identity))
      throw new GatewayError(
        "UNAUTHENTICATED",
        "the key or token that the ticket was issued for has expired or was revoked",
      );
    return identity;
  }

  function isGood({ expiresAtMs, keyId }: Identity): boolean {
    return (
      (expiresAtMs === undefined || expiresAtMs > Date.now()) &&
      (keyId === undefined || keys.value().has(keyId))
    );
  }

  return {
    isOpen: false,
    isGood,
    current(identity) {
      // A ticket has the permissions that it was issued with, for one request.
      if (identity.keyId === undefined || identity.isTicket) return identity;
      const key = keys.value().get(identity.keyId);
      return key === undefined ? identity : knownIdentityOf(key);
    },
    onKeysChange(callback) {
      keysChanged = callback;
    },
    identify(credentials) {
      if (credentials === undefined)
        throw new GatewayError(
          "UNAUTHENTICATED",
          "credentials are missing; send Authorization: Bearer <key or token>",
        );
      if (credentials.kind === "ticket") return redeem(credentials.ticket);
      const { token } = credentials;
      const keyId = keyIdOf(token);
      if (keyId !== undefined) return identifyKey(keyId, token);
      const known = cached(token);
      return known === undefined ? identifyToken(token) : requireUnexpired(known, "the token has expired");
    },
    close() {
      keys.close();
      jwt.close();
    },
  };
}

function requireUnexpired(identity: Identity, message: string): Identity {
  if (identity.expiresAtMs !== undefined && identity.expiresAtMs <= Date.now())
    throw new GatewayError("UNAUTHENTICATED", message);
  return identity;
}

const identityOf = ({ id, name, grants, expiresAtMs }: ApiKey): Identity => ({
  name: `key:${name}`,
  grants,
  keyId: id,
  ...(expiresAtMs !== undefined && { expiresAtMs }),
});

const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64");
