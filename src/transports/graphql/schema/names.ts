/** Validates the names in arguments and resolves them to keys and devices. */
import { badParameter } from "../../../domain/errors.ts";
import { shown } from "../../../domain/shown.ts";
import {
  checkName,
  DEFAULT_DEVICE,
  maxKeyBytes,
  namingOf,
  type ParameterNames,
} from "../../../domain/streams/stream-name.ts";
import type { OperationContext } from "../execution/context.ts";

/** Arguments that name streams, in errors. */
export const NAMES: ParameterNames = { ids: "streamIds", device: "deviceId" };

/** Returns the key prefix of a device: the default device for null; empty for `""` or if keys have no device. */
export const devicePrefix = ({ config }: OperationContext, device: string | null | undefined): string =>
  namingOf({ ...config, device: device ?? undefined, prefix: "", names: NAMES }).keyOf("");

/** Returns the device of an argument: the default device for null; `""` selects keys without a device. */
export function deviceOf({ config }: OperationContext, device: string | null | undefined): string {
  checkName("deviceId", device ?? "", config.maxNameBytes);
  return device ?? DEFAULT_DEVICE;
}

/**
 * Returns the value of an argument that has two names.
 *
 * @throws GatewayError BAD_PARAMETER if neither is given, or if both are given and differ
 */
export function eitherOf<T>(
  names: readonly [string, string],
  first: T | null | undefined,
  second: T | null | undefined,
): T {
  const value = first ?? second;
  if (value === null || value === undefined)
    throw badParameter(names[0], `is missing; give it, or its alias ${names[1]}`);
  if (first != null && second != null && first !== second)
    throw badParameter(
      names[1],
      `is an alias of ${names[0]} and must not differ from it, got ${shown(second)} and ${shown(first)}`,
    );
  return value;
}

/** Validates a stream id, or a complete key from a list. @throws GatewayError BAD_PARAMETER if it is empty or too long */
export function streamIdOf({ config }: OperationContext, id: string): string {
  if (id === "") throw badParameter("streamId", "must not be empty");
  checkName("streamId", id, maxKeyBytes(config.maxNameBytes));
  return id;
}

/** Validates a list of names. @throws GatewayError BAD_PARAMETER if it has over `maxStreams` names, or one is too long */
export function fewNames(
  { config }: OperationContext,
  name: string,
  values: readonly string[],
): readonly string[] {
  if (values.length > config.maxStreams)
    throw badParameter(name, `must have at most ${config.maxStreams} names, got ${values.length}`);
  for (const one of values) checkName(name, one, maxKeyBytes(config.maxNameBytes));
  return values;
}
