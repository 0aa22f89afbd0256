/**
 * Mode in which one server reports changes of keys: the first that it supports of keyspace events, tracking in broadcast
 * mode, and none.
 */
import type { Logger } from "../../../domain/logger.ts";
import type { Commands } from "../../resp/commands.ts";
import { ReplyError } from "../../resp/reader.ts";
import { flagsOf, reportsCreations, reportsRemovals, subscribe, track } from "./key-event-commands.ts";

/** Mode of one server. */
export interface ServerMode {
  readonly kind: "events" | "tracking" | "none";
  /** `notify-keyspace-events`; undefined if the gateway may not read it. */
  readonly flags: string | undefined;
  readonly reportsRemovals: boolean;
  /** Prefixes that this server reports. */
  readonly prefixes: Set<string>;
}

/**
 * Arms a server for prefixes of keys.
 *
 * @param known the mode in which it is armed; undefined if it is not armed
 * @param isResp3 whether the server has been found to support RESP3. Called after a first reply.
 * @returns the mode in which it is armed now; the known one if its reports were not interrupted
 * @throws an error of Redis, unless it only rejects a mode
 */
export async function armServer(
  server: Commands,
  known: ServerMode | undefined,
  wanted: ReadonlySet<string>,
  isResp3: () => boolean,
  logger: Logger,
): Promise<ServerMode> {
  const missing = [...wanted].filter((prefix) => known?.prefixes.has(prefix) !== true);
  if (known !== undefined && missing.length === 0) return known;
  if (known?.kind === "events") {
    await subscribe(server, missing);
    for (const prefix of missing) known.prefixes.add(prefix);
    return known;
  }
  const flags = known === undefined ? await flagsOf(server) : known.flags;
  const prefixes = new Set(wanted);
  const none: ServerMode = { kind: "none", flags, reportsRemovals: false, prefixes };
  if (!isResp3()) return none;
  try {
    if (reportsCreations(flags)) {
      const tracksFlushes = await subscribe(server, missing);
      return { ...none, kind: "events", reportsRemovals: tracksFlushes && reportsRemovals(flags) };
    }
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    logger.info({ reason: error.message }, "Redis does not permit keyspace events; using tracking");
  }
  try {
    await track(server, prefixes);
    return { ...none, kind: "tracking" };
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    logger.info({ reason: error.message }, "Redis does not support tracking; scanning for new streams");
    return none;
  }
}
