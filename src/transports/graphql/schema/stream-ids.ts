/**
 * Resolves the stream ids of arguments to keys, by one rule for queries, mutations and subscriptions:
 *
 * 1. A device that is given decides: `{device}:{id}`, or the key `id` for `""`.
 * 2. Without a device, an id that exists as a key (entries or metadata) means that key. Ids in lists are such keys.
 * 3. Any other id belongs to device `default`.
 *
 * A key that the client may not use is left out, so that the answer does not reveal whether it exists.
 */
import { authorize, may, requireWritable } from "../../../access/identity/authorize.ts";
import type { Action } from "../../../access/identity/grant.ts";
import { DEFAULT_DEVICE } from "../../../domain/stream-name.ts";
import type { OperationContext } from "../execution/context.ts";
import { devicePrefix, streamIdOf } from "./names.ts";

/**
 * Returns the key of each id. Asks Redis once, and only if ids without a device could mean two keys.
 *
 * @param action permission that the client needs on each key
 * @throws GatewayError BAD_PARAMETER for an empty id, FORBIDDEN (also to write a key that begins with `:`), or if Redis does not answer
 */
export async function keysOfIds(
  context: OperationContext,
  action: Action,
  ids: readonly string[],
  device: string | null | undefined,
): Promise<readonly string[]> {
  const { limits, registry, visitor } = context;
  const { identity } = visitor;
  const prefix = devicePrefix(context, device);
  const composed = ids.map((id) => prefix + streamIdOf(context, id));
  if (device != null || limits.noDevicePrefix) {
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

/** As `keysOfIds`, for one id. */
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
export const DEVICE_ARGUMENT = `Device of the stream; \`""\` if the id is a whole key. Without it, an id that exists as a key means that key, any other is one of device \`${DEFAULT_DEVICE}\`.`;
