/** Owners: clients on whose behalf the gateway does something after their request, such as playing a recording. Can be encoded as JSON. */
import type { Visitor } from "./admission.ts";
import { ANYONE, type Identity } from "./identity/authorize.ts";
import { ACTIONS } from "./identity/grant.ts";

/** Name and permissions of a client. */
export interface NamedOwner {
  readonly name: string;
  readonly grants: readonly { readonly action: string; readonly pattern: string }[];
}

/** A client, with the permissions that it had at its request. */
export interface Owner extends NamedOwner {
  readonly address: string;
  readonly expiresAtMs?: number | undefined;
  readonly keyId?: string | undefined;
}

/** Returns the client of a request as owner. */
export function ownerOf({ identity, address }: Visitor): Owner {
  const { name, grants, expiresAtMs, keyId } = identity;
  return { name, grants, address, expiresAtMs, keyId };
}

/** Returns the identity of an owner, without the expiry of its credentials. */
export function identityOf({ name, grants }: NamedOwner): Identity {
  // `ANYONE` is recognized by the object.
  if (name === ANYONE.name) return ANYONE;
  return {
    name,
    grants: grants.flatMap(({ action, pattern }) => {
      const known = ACTIONS.find((one) => one === action);
      return known === undefined ? [] : [{ action: known, pattern }];
    }),
  };
}

/** Returns a visitor whose permissions and limits are those of an owner. @param id for the log */
export function visitorOf(owner: Owner, id: string): Visitor {
  const { address, expiresAtMs, keyId } = owner;
  const identity = identityOf(owner);
  const isPlain = expiresAtMs === undefined && keyId === undefined;
  return {
    ...{ id, address, host: undefined, isSecure: false },
    identity: isPlain
      ? identity
      : {
          ...identity,
          ...(expiresAtMs !== undefined && { expiresAtMs }),
          ...(keyId !== undefined && { keyId }),
        },
  };
}
