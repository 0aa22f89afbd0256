/** Authenticator: resolves credentials (an API key, a token or a ticket) to an identity. */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import { type WatchedFile, watchFile } from "../watched-file.ts";
import { ANYONE, type Identity } from "./authorize.ts";
import type { Credentials } from "./credentials.ts";
import { createJwtVerifier, type JwtOptions, type JwtVerifier } from "./jwt.ts";
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
export const createAuthenticator = (options: AuthenticatorOptions): Authenticator =>
  options.isOn ? new KeyAuthenticator(options) : OPEN;

/** Authenticator with a key file, tokens and tickets. */
class KeyAuthenticator implements Authenticator {
  readonly isOpen = false;
  readonly #tickets: Tickets;
  readonly #jwt: JwtVerifier;
  readonly #keys: WatchedFile<ReadonlyMap<string, ApiKey>>;
  #keysChanged: () => void = () => undefined;
  /** Identities of the keys in the file, new objects each time it is read. */
  readonly #identities = new WeakMap<ApiKey, Identity>();
  readonly #verified = new Map<string, { readonly identity: Identity; readonly untilMs: number }>();

  constructor(options: AuthenticatorOptions) {
    const { keysFile, tickets, logger } = options;
    this.#tickets = tickets;
    this.#jwt = createJwtVerifier(options);
    this.#keys = watchFile({
      paths: [keysFile],
      read: () => new Map(readKeyFile(keysFile).map((key) => [key.id, key])),
      onChange: () => this.#keysChanged(),
      logger,
    });
    if (this.#keys.value().size === 0 && options.secret === "" && options.keys === "")
      logger.warn(
        { keysFile },
        "AUTH is on and the keys file has no keys; create one with: redis-streamer keys add",
      );
  }

  identify(credentials: Credentials | undefined): Identity | Promise<Identity> {
    if (credentials === undefined)
      throw new GatewayError(
        "UNAUTHENTICATED",
        "credentials are missing; send Authorization: Bearer <key or token>",
      );
    if (credentials.kind === "ticket") return this.#redeem(credentials.ticket);
    if (credentials.kind === "link") return this.#identifyLink(credentials.key);
    const { token } = credentials;
    const keyId = keyIdOf(token);
    if (keyId !== undefined) return this.#identifyKey(keyId, token, false);
    const known = this.#cached(token);
    return known === undefined
      ? this.#identifyToken(token)
      : requireUnexpired(known, "the token has expired");
  }

  isGood({ expiresAtMs, keyId }: Identity): boolean {
    return (
      (expiresAtMs === undefined || expiresAtMs > Date.now()) &&
      (keyId === undefined || this.#keys.value().has(keyId))
    );
  }

  current(identity: Identity): Identity {
    // A ticket has the permissions that it was issued with, for one request.
    if (identity.keyId === undefined || identity.isTicket) return identity;
    const key = this.#keys.value().get(identity.keyId);
    return key === undefined ? identity : this.#knownIdentityOf(key);
  }

  onKeysChange(callback: () => void): void {
    this.#keysChanged = callback;
  }

  close(): void {
    this.#keys.close();
    this.#jwt.close();
  }

  #identifyLink(token: string): Identity {
    const id = keyIdOf(token);
    if (id !== undefined) return this.#identifyKey(id, token, true);
    throw new GatewayError("UNAUTHENTICATED", "the parameter key must be a link key");
  }

  #identifyKey(id: string, token: string, isInUrl: boolean): Identity {
    const key = this.#keys.value().get(id);
    if (key === undefined || !isKey(key, token))
      throw new GatewayError("UNAUTHENTICATED", "the API key is unknown or was revoked");
    if (isInUrl !== (key.isLink === true))
      throw new GatewayError(
        "UNAUTHENTICATED",
        isInUrl
          ? "the parameter key must be a link key, created with: redis-streamer keys add --link"
          : "a link key is accepted only as the parameter key of /foxglove",
      );
    return requireUnexpired(this.#knownIdentityOf(key), "the API key has expired");
  }

  #knownIdentityOf(key: ApiKey): Identity {
    const identity = this.#identities.get(key) ?? identityOf(key);
    this.#identities.set(key, identity);
    return identity;
  }

  async #identifyToken(token: string): Promise<Identity> {
    const identity = await this.#jwt.verify(token);
    if (this.#verified.size >= MAX_CACHED) this.#verified.clear();
    this.#verified.set(hashOf(token), { identity, untilMs: performance.now() + CACHE_MS });
    return identity;
  }

  #cached(token: string): Identity | undefined {
    const known = this.#verified.get(hashOf(token));
    return known !== undefined && known.untilMs > performance.now() ? known.identity : undefined;
  }

  async #redeem(ticket: string): Promise<Identity> {
    const identity = await this.#tickets.redeem(ticket);
    if (!this.isGood(identity))
      throw new GatewayError(
        "UNAUTHENTICATED",
        "the key or token that the ticket was issued for has expired or was revoked",
      );
    return identity;
  }
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
