/** Request of a worker: the streams and the group in the path, and how entries are delivered (docs/protocol.md, "Work queues"). */
import { authorize, type Identity } from "../../access/identity/authorize.ts";
import { badParameter } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";
import { parseCursor, type RequestedCursor } from "../../domain/streams/cursor.ts";
import { checkName, parseStreamIds, withoutRepeats } from "../../domain/streams/stream-name.ts";
import { RELEASED, UNNAMED } from "../../redis/groups/commands/scripts.ts";
import type { ConsumerStream } from "../../redis/groups/consumer-options.ts";
import type { ParametersOf } from "../request/parameters/parameters.ts";
import { noPatterns, type RequestLimits, readNaming } from "../request/streams.ts";
import type { NamedTime } from "../request/warnings.ts";

/** One stream of a worker. */
export interface WorkStream extends ConsumerStream {
  /** The name that the client uses. */
  readonly name: string;
}

/** The streams and the group of a request. */
export interface WorkTarget {
  /** At least one, in order of priority. */
  readonly streams: readonly WorkStream[];
  /** Empty in a request that lists all groups. */
  readonly group: string;
}

/** A request to receive or to settle entries. */
export interface WorkRequest extends WorkTarget {
  /** Undefined if the client does not name itself. */
  readonly consumer: string | undefined;
  readonly ackWaitMs: number;
  readonly deletesAcked: boolean;
}

type NameParameters = Pick<ParametersOf<"groups">, "device_id" | "prefix" | "pattern">;
type SettleParameters = ParametersOf<"settle">;

/**
 * Reads the streams and the group of a path.
 *
 * @param segment the stream ids, percent-encoded @param group percent-encoded
 * @throws GatewayError BAD_PARAMETER, also for a pattern
 */
export function readTarget(
  segment: string,
  group: string,
  parameters: NameParameters & { readonly dead_letter?: string },
  limits: RequestLimits,
): WorkTarget {
  const naming = readNaming(parameters, limits);
  const ids = withoutRepeats(parseStreamIds(segment, limits.maxStreams));
  if (
    parameters.pattern &&
    [...ids, limits.noDevicePrefix ? "" : (parameters.device_id ?? "")].join().includes("*")
  )
    throw noPatterns(limits.noDevicePrefix ? undefined : parameters.device_id);
  const name = readGroup(group, limits);
  const { dead_letter = "" } = parameters;
  const streams = ids.map((id): WorkStream => {
    const key = naming.keyOf(id);
    const deadLetter = dead_letter === "" ? `${key}:dead:${name}` : naming.keyOf(dead_letter);
    return { name: id, key, deadLetter };
  });
  // A dead letter would be delivered as a new entry, and die again, forever.
  if (dead_letter !== "" && streams.some(({ key }) => key === streams[0]?.deadLetter))
    throw badParameter("dead_letter", `must not be a stream of the request, got ${shown(dead_letter)}`);
  return { group: name, streams };
}

/**
 * Reads a request to receive or to settle, and checks that the client may do that.
 *
 * @throws GatewayError BAD_PARAMETER or FORBIDDEN
 */
export function readWork(
  identity: Identity,
  segment: string,
  group: string,
  parameters: SettleParameters,
  limits: RequestLimits,
): WorkRequest {
  const target = readTarget(segment, group, parameters, limits);
  const keys = target.streams.map(({ key }) => key);
  authorize(identity, "work", keys);
  requireGroup(target);
  const deletesAcked = parameters.delete === "acked";
  // Deleting an entry takes it from every other reader, too.
  if (deletesAcked) authorize(identity, "write", keys);
  if (parameters.dead_letter !== "") {
    const [first] = target.streams;
    if (first !== undefined) authorize(identity, "write", [first.deadLetter]);
  }
  return {
    ...target,
    consumer: readConsumer(parameters.consumer, limits),
    ackWaitMs: parameters.ack_wait,
    deletesAcked,
  };
}

/** Returns the group of a request that names one. @throws GatewayError BAD_PARAMETER if its name is empty */
export function requireGroup({ group }: WorkTarget): string {
  if (group === "") throw badParameter("group", "must not be empty");
  return group;
}

/** Reads the parameter `from`. @throws GatewayError BAD_PARAMETER */
export const readFrom = (text: string): RequestedCursor => parseCursor(text, "from");

/** Returns the start of a group in each stream as times, to check their unit. */
export const fromTimes = ({ streams }: WorkTarget, from: RequestedCursor): readonly NamedTime[] =>
  streams.map(({ key }) => ({ parameter: "from", id: from, key }));

/** Returns the consumer of a request without a connection. @throws GatewayError BAD_PARAMETER if it is missing */
export function requireConsumer({ consumer }: WorkRequest): string {
  if (consumer === undefined)
    throw badParameter("consumer", "is missing: without a connection, a worker must name itself");
  return consumer;
}

function readGroup(text: string, { maxNameBytes }: RequestLimits): string {
  let name: string;
  try {
    name = decodeURIComponent(text);
  } catch {
    throw badParameter("group", `must be percent-encoded UTF-8, got ${JSON.stringify(text.slice(0, 40))}`);
  }
  checkName("group", name, maxNameBytes);
  return name;
}

function readConsumer(name: string, { maxNameBytes }: RequestLimits): string | undefined {
  if (name === "") return undefined;
  checkName("consumer", name, maxNameBytes);
  if (name === RELEASED || name.startsWith(UNNAMED))
    throw badParameter(
      "consumer",
      `must not be ${RELEASED} and not begin with ${UNNAMED}, got ${JSON.stringify(name.slice(0, 40))}`,
    );
  return name;
}
