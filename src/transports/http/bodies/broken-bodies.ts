/**
 * Bodies that can never be complete, because the next bytes of their connection are malformed or did not arrive in time. Node
 * reports that for the connection only: a reader of the body would wait, and keep its memory, until the connection closes.
 */
import type { IncomingMessage } from "node:http";
import type { GatewayError } from "../../../domain/errors.ts";

/** Event of a request whose body is broken, with the error. */
export const BROKEN_BODY = "brokenBody";

/** The error of a request, for a body that is read later. */
const ERROR = Symbol("error of a broken body");

type Breakable = IncomingMessage & { [ERROR]?: GatewayError };

/** Fails the body of a request: at once if it is being read, otherwise when it is to be read. */
export function breakBody(request: Breakable, error: GatewayError): void {
  request[ERROR] = error;
  request.emit(BROKEN_BODY, error);
}

/** Returns the error of a broken body; undefined for others. */
export const brokenBody = (request: Breakable): GatewayError | undefined => request[ERROR];
