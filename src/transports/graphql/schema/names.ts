/** Names that clients say in queries, and the keys that they mean. */
import { badParameter } from "../../../domain/errors.ts";
import { checkName, DEFAULT_DEVICE, mostKeyBytes, namingOf } from "../../../domain/stream-name.ts";
import type { OperationContext } from "../execution/context.ts";

/** Prefix of a device's stream keys; empty if keys have no device. Null is the default device, `""` none. */
export const devicePrefix = ({ limits }: OperationContext, device: string | null | undefined): string =>
  namingOf({ ...limits, device: device ?? undefined, prefix: "" }).keyOf("");

/** Returns the device of an argument: null is the default device, `""` stands for keys without one. */
export function deviceOf({ limits }: OperationContext, device: string | null | undefined): string {
  checkName("deviceId", device ?? "", limits.maxNameBytes);
  return device ?? DEFAULT_DEVICE;
}

/**
 * The one argument of two that mean the same.
 *
 * @throws GatewayError BAD_PARAMETER where neither is given, or both and they differ
 */
export function eitherOf<T>(
  names: readonly [string, string],
  first: T | null | undefined,
  second: T | null | undefined,
): T {
  const value = first ?? second;
  if (value === null || value === undefined) throw badParameter(names[0], "is missing");
  if (first != null && second != null && first !== second)
    throw badParameter(names[1], `means the same as ${names[0]}, and differs from it`);
  return value;
}

/** A stream id, or a whole key as lists show it, that is neither empty nor too long. @throws GatewayError BAD_PARAMETER */
export function streamIdOf({ limits }: OperationContext, id: string): string {
  if (id === "") throw badParameter("streamId", "is empty");
  checkName("streamId", id, mostKeyBytes(limits.maxNameBytes));
  return id;
}

/** A list of names that one request may hold. @throws GatewayError BAD_PARAMETER */
export function fewNames(
  { limits }: OperationContext,
  name: string,
  values: readonly string[],
): readonly string[] {
  if (values.length > limits.maxStreams)
    throw badParameter(name, `names ${values.length}, more than ${limits.maxStreams}`);
  for (const one of values) checkName(name, one, mostKeyBytes(limits.maxNameBytes));
  return values;
}
