/** Result of a command: its reply, an error reply, or a lost connection. */
import { GatewayError } from "../../domain/errors.ts";
import type { Reply, ReplyError } from "./reader.ts";

/** Receives a reply, an error reply (`ReplyError`) or a connection error (`GatewayError`). */
export type Done = (error: ReplyError | GatewayError | undefined, reply: Reply) => void;

/** A command was sent and the connection dropped before its reply: it may or may not have run. */
export class ReplyLostError extends GatewayError {
  constructor() {
    super("REDIS_UNAVAILABLE", "the connection to Redis was lost before it replied; try again later");
  }
}

/** Creates the error of a command that could not be sent in time. */
export const redisUnavailable = () =>
  new GatewayError("REDIS_UNAVAILABLE", "Redis is unavailable; try again later");
