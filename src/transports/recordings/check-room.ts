/** Limits of the recordings in progress: of the gateway, and of one identity. */
import { ANYONE } from "../../access/identity/authorize.ts";
import { allowsGateway } from "../../access/identity/grant.ts";
import { identityOf } from "../../access/owner.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { RecordingOwner } from "../../recordings/recording-record.ts";

/**
 * Checks whether a client may start a further recording. One identity has half of them at most, so that others can record. Without
 * authentication, there is only one; and an operator may stop and delete all of them anyway.
 *
 * @param owners names of the identities whose recordings are in progress, one for each
 * @throws GatewayError TOO_MANY_RECORDINGS
 */
export function checkRoom(owner: RecordingOwner, owners: readonly string[], max: number): void {
  if (owners.length >= max)
    throw new GatewayError(
      "TOO_MANY_RECORDINGS",
      `the gateway has reached its limit of ${max} recordings in progress`,
    );
  const identity = identityOf(owner);
  if (identity === ANYONE || identity.grants.some((grant) => allowsGateway(grant, "admin"))) return;
  const share = Math.ceil(max / 2);
  if (owners.filter((name) => name === owner.name).length >= share)
    throw new GatewayError(
      "TOO_MANY_RECORDINGS",
      `${owner.name} has reached its limit of ${share} recordings in progress, half of MAX_RECORDINGS`,
    );
}
