/**
 * Tracing of requests and connections: one span each, from start to end. Entries are not traced: there may be a million per
 * second.
 */
import type { IncomingHttpHeaders } from "node:http";

/** Attributes of a span. Never include secrets. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Ends a span. @param attributes further attributes @param isError whether the request failed */
export type EndSpan = (attributes: Attributes, isError: boolean) => void;

/** Creates spans. */
export interface Tracing {
  /** Starts a span, as a child of the client's span if the headers name one (W3C Trace Context). */
  start(name: string, attributes: Attributes, headers: IncomingHttpHeaders): EndSpan;
  /** Flushes unsent spans. */
  close(): Promise<void>;
}
