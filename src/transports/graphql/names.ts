/** Names that clients say in queries, and the keys that they mean. */
import { badParameter } from "../../domain/errors.ts";
import { DEFAULT_DEVICE, namingOf } from "../../domain/stream-name.ts";
import type { OperationContext } from "./context.ts";

/** Prefix of a device's stream keys; empty if keys have no device. Null is the default device, `""` none. */
export const devicePrefix = ({ limits }: OperationContext, device: string | null | undefined): string =>
  namingOf({ device: device ?? undefined, prefix: "", noDevicePrefix: limits.noDevicePrefix }).keyOf("");

/** Returns the device of an argument: null is the default device, `""` stands for keys without one. */
export const deviceOf = (device: string | null | undefined): string => device ?? DEFAULT_DEVICE;

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

/** A stream id that is not empty. @throws GatewayError BAD_PARAMETER */
export function streamIdOf(id: string): string {
  if (id === "") throw badParameter("streamId", "is empty");
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
  return values;
}
