/** Request of a viewer: which streams it shows, and its permissions. */
import { ANYONE, authorizeDevice, type Identity } from "../../access/identity/authorize.ts";
import type { Action } from "../../access/identity/grant.ts";
import { GatewayError } from "../../domain/errors.ts";
import { decodeName } from "../../domain/streams/stream-name.ts";
import { readParameters } from "../request/query.ts";
import { type RequestedStreams, type RequestLimits, readRequestedStreams } from "../request/streams.ts";
import type { SocketRequest } from "../websocket-protocol/upgrade-route.ts";
import { type PlayedRange, readRange } from "./subscriptions/playback-range.ts";

/** Parsed request of a viewer. */
export interface ViewerRequest {
  readonly requested: RequestedStreams;
  /** Device of the path, if it names one device. */
  readonly device: string | undefined;
  /** Undefined for live entries. */
  readonly range: PlayedRange | undefined;
  /** Whether the client may store entries in any stream. */
  readonly canPublish: boolean;
}

/** Reads a request. @throws GatewayError BAD_PARAMETER, or FORBIDDEN if the client may not read any stream */
export function readViewerRequest(
  { segment, search, session }: SocketRequest,
  limits: RequestLimits,
): ViewerRequest {
  const { identity } = session.visitor;
  const path = limits.noDevicePrefix || segment === "" ? undefined : decodeName("device", segment);
  const device = path === undefined || path.includes("*") ? undefined : path;
  authorizeViewer(identity, device);
  const all = { prefix: "", last_entry_id: "0", pattern: true, keep_device_id_in_stream_id: true };
  return {
    requested: readRequestedStreams(identity, "*", { ...all, device_id: path ?? "" }, limits),
    device,
    range: readRange(readParameters("foxglove", search, limits)),
    canPublish: hasGrant(identity, ["write", "admin"]),
  };
}

/** Rejects a client that may not read any stream. @throws GatewayError FORBIDDEN */
function authorizeViewer(identity: Identity, device: string | undefined): void {
  if (identity === ANYONE) return;
  if (device !== undefined) authorizeDevice(identity, device);
  else if (!hasGrant(identity, ["read", "admin"]))
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to read any stream`);
}

const hasGrant = ({ grants }: Identity, actions: readonly Action[]): boolean =>
  grants.some(({ action }) => actions.includes(action));
