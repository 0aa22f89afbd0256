/** Says who somebody is by what they show: an API key, a token or a ticket. */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import { watchFile } from "../watched-file.ts";
import { ANYONE, type Identity } from "./authorize.ts";
import type { Credentials } from "./credentials.ts";
import { createJwtVerifier, type JwtOptions } from "./jwt.ts";
import { type ApiKey, isKey, keyIdOf, readKeyFile } from "./key-file.ts";
import type { Tickets } from "./tickets.ts";

/** Says who somebody is. */
export interface Authenticator {
  /** Whether anybody may do anything without showing who they are. */
  readonly isOpen: boolean;
  /**
   * Whose credentials these are. The answer is there at once where nothing has to be asked for it.
   *
   * @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE where it cannot be found out now
   */
  identify(credentials: Credentials | undefined): Identity | Promise<Identity>;
  /** Whether an identity still holds: not expired, its key not revoked. */
  isGood(identity: Identity): boolean;
  close(): void;
}

/** What decides who is let in. */
export interface AuthenticatorOptions extends JwtOptions {
  /** `AUTH`; off, everybody is let in as anyone. */
  readonly isOn: boolean;
  readonly keysFile: string;
  readonly tickets: Tickets;
  /** Keys were added or revoked: identities that were good may no longer be. */
  readonly onKeysChange: () => void;
}

/** Checked tokens are remembered for so long (ms) at most: signatures cost far more than a look-up. */
const REMEMBER_MS = 30_000;
const MOST_REMEMBERED = 10_000;

const OPEN: Authenticator = {
  isOpen: true,
  identify: () => ANYONE,
  isGood: () => true,
  close: () => undefined,
};

/** Makes the authenticator. @throws Error with a sentence where a setting cannot be used */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  if (!options.isOn) return OPEN;
  const { keysFile, tickets, logger } = options;
  const jwt = createJwtVerifier(options);
  const readKeys = () => new Map(readKeyFile(keysFile).map((key) => [key.id, key]));
  const keys = watchFile({ paths: [keysFile], read: readKeys, onChange: options.onKeysChange, logger });
  if (keys.value().size === 0 && options.secret === "" && options.keys === "")
    logger.warn({ keysFile }, "AUTH is on and there is no key yet: redis-streamer keys add makes one");
  const remembered = new Map<string, { readonly identity: Identity; readonly untilMs: number }>();

  function identifyKey(id: string, token: string): Identity {
    const key = keys.value().get(id);
    if (key === undefined || !isKey(key, token))
      throw new GatewayError("UNAUTHENTICATED", "there is no such key, or it was revoked");
    return refuseExpired(identityOf(key), "the key has expired");
  }

  async function identifyToken(token: string): Promise<Identity> {
    const identity = await jwt.verify(token);
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(hashOf(token), { identity, untilMs: performance.now() + REMEMBER_MS });
    return identity;
  }

  function recall(token: string): Identity | undefined {
    const known = remembered.get(hashOf(token));
    return known !== undefined && known.untilMs > performance.now() ? known.identity : undefined;
  }

  async function redeem(ticket: string): Promise<Identity> {
    const identity = await tickets.redeem(ticket);
    if (!isGood(identity))
      throw new GatewayError("UNAUTHENTICATED", "what the ticket was made with no longer holds");
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
    identify(credentials) {
      if (credentials === undefined)
        throw new GatewayError("UNAUTHENTICATED", "a key or token is needed: Authorization: Bearer …");
      if (credentials.kind === "ticket") return redeem(credentials.ticket);
      const { token } = credentials;
      const keyId = keyIdOf(token);
      if (keyId !== undefined) return identifyKey(keyId, token);
      const known = recall(token);
      return known === undefined ? identifyToken(token) : refuseExpired(known, "the token has expired");
    },
    close() {
      keys.close();
      jwt.close();
    },
  };
}

function refuseExpired(identity: Identity, sentence: string): Identity {
  if (identity.expiresAtMs !== undefined && identity.expiresAtMs <= Date.now())
    throw new GatewayError("UNAUTHENTICATED", sentence);
  return identity;
}

const identityOf = ({ id, name, grants, expiresAtMs }: ApiKey): Identity => ({
  name: `key:${name}`,
  grants,
  keyId: id,
  ...(expiresAtMs !== undefined && { expiresAtMs }),
});

const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64");
