/**
 * Resolves stream ids in arguments to keys. Queries, mutations and subscriptions follow the same rule:
 *
 * 1. With a device, the key is `{device}:{id}`, or `id` if the device is `""`.
 * 2. Without a device, an id that exists as a key (with entries or metadata) means that key. Lists show such ids.
 * 3. Any other id belongs to device `default`.
 *
 * Keys that the client may not use are skipped, so that the answer does not reveal whether they exist.
 */
import { authorize, may, requireWritable } from "../../../access/identity/authorize.ts";
import type { Action } from "../../../access/identity/grant.ts";
import { DEFAULT_DEVICE } from "../../../domain/streams/stream-name.ts";
import type { OperationContext } from "../execution/context.ts";
import { devicePrefix, streamIdOf } from "./names.ts";

/**
 * Returns the key of each id. Sends one request to Redis, and only if an id without a device could mean two keys.
 *
 * @param action permission that the client needs on each key
 * @throws GatewayError BAD_PARAMETER for an empty id; FORBIDDEN, also for writes to a key that begins with `:`; or if
 *   Redis does not reply
 */
export async function keysOfIds(
  context: OperationContext,
  action: Action,
  ids: readonly string[],
  device: string | null | undefined,
): Promise<readonly string[]> {
  const {
    config,
    streams: { registry },
    visitor,
  } = context;
  const { identity } = visitor;
  const prefix = devicePrefix(context, device);
  const composed = ids.map((id) => prefix + streamIdOf(context, id));
  if (device != null || config.noDevicePrefix) {
    authorize(identity, action, composed);
    return composed;
  }
  const open: string[] = [];
  const permitted = ids.map((id, i) => {
    const key = composed[i] ?? "";
    if (!may(identity, action, id)) {
      authorize(identity, action, [key]);
      return key;
    }
    if (!may(identity, action, key)) return id;
    open.push(id);
    return undefined;
  });
  const found = open.length > 0 ? await registry.areKnown(open) : [];
  const known = new Set(open.filter((_, i) => found[i]));
  const keys = permitted.map(
    (key, i) => key ?? (known.has(ids[i] ?? "") ? (ids[i] ?? "") : (composed[i] ?? "")),
  );
  if (action !== "read") for (const key of keys) requireWritable(key);
  return keys;
}

/** Returns the key of one id, like `keysOfIds`. */
export async function keyOfId(
  context: OperationContext,
  action: Action,
  id: string,
  device: string | null | undefined,
): Promise<string> {
  const [key = ""] = await keysOfIds(context, action, [id], device);
  return key;
}

/** Description of a `deviceId` argument that follows the rule above. */
export const DEVICE_ARGUMENT = `Device of the stream; \`""\` if the id is a complete key. If omitted, an id that exists as a key means that key; any other id belongs to device \`${DEFAULT_DEVICE}\`.`;
