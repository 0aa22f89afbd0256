/** Response headers with warnings about the request. */
import type { FastifyReply } from "fastify";
import type { TransportParts } from "../parts.ts";
import { errorContext } from "../response/errors/error-log.ts";
import {
  type NamedTime,
  oddTimes,
  timeWarnings,
  WARNINGS_HEADER,
  type WarningKind,
  type Warnings,
  warningsHeader,
} from "./warnings.ts";

/**
 * Warns about times that are probably not in milliseconds. To be called after the permission check.
 *
 * @returns undefined instead of a promise in the usual case that all times are plausible
 */
export function warnOfTimes(
  reply: FastifyReply,
  { streams: { registry }, observe: { warnings } }: TransportParts,
  times: readonly NamedTime[],
): Promise<void> | undefined {
  const odd = oddTimes(times);
  if (odd.length === 0) return undefined;
  return timeWarnings(registry, odd).then((texts) => warn(reply, warnings, "time", texts));
}

/** Adds warnings to a response, and reports them to the operator. */
export function warn(
  reply: FastifyReply,
  warnings: Warnings,
  kind: WarningKind,
  texts: readonly string[],
): void {
  if (texts.length === 0) return;
  const { visitor, method, routeOptions } = reply.request;
  warnings.note(kind, texts, errorContext(`${method} ${routeOptions.url}`, visitor));
  const before = reply.getHeader(WARNINGS_HEADER);
  const known: readonly string[] = typeof before === "string" ? JSON.parse(before) : [];
  reply.header(WARNINGS_HEADER, warningsHeader([...known, ...texts]));
}
