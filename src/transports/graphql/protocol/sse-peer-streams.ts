/** Event streams of GraphQL clients in other workers. The requests of one client can reach different workers. */
import type { GraphQLFormattedError } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import type { ErrorCode } from "../../../domain/errors.ts";
import type { PeerHandlers, RequestPeers } from "../../../domain/peers.ts";
import type { SseRequest } from "./sse-request.ts";

/** Event streams by token, of this process or of its peers. All arguments and results can be encoded as JSON. */
export interface StreamsByToken {
  /** Releases a reservation so that another worker can open the stream. @returns the state of the stream before */
  claim(call: ClaimCall): Promise<"reserved" | "open" | "none">;
  start(call: StartCall): Promise<StartAnswer>;
  stop(call: StopCall): Promise<boolean>;
}

/** Token of a stream and the identity that it was reserved for. For other identities the stream does not exist. */
export interface ClaimCall {
  readonly token: string;
  readonly owner: string;
}

/** Request to start an operation on a stream. */
export interface StartCall {
  readonly token: string;
  readonly operationRequest: SseRequest;
  readonly visitor: Visitor;
}

/** Request to stop an operation by the id that its client assigned. */
export interface StopCall extends ClaimCall {
  readonly operationId: string;
}

/** Result of starting an operation. */
export type StartAnswer =
  | { readonly how: "none" | "started" }
  | { readonly how: "errors"; readonly errors: readonly GraphQLFormattedError[] }
  | { readonly how: "rejected"; readonly code: ErrorCode; readonly message: string };

const CLAIM = "graphql.claim";
const START = "graphql.start";
const STOP = "graphql.stop";

/** Handlers of the requests of other workers for the streams of this process. */
export const streamHandlers = (own: StreamsByToken): PeerHandlers => ({
  [CLAIM]: (call: ClaimCall) => own.claim(call),
  [START]: (call: StartCall) => own.start(call),
  [STOP]: (call: StopCall) => own.stop(call),
});

/** The streams of all other workers. At most one of them has a stream with a token. */
export const peerStreams = (request: RequestPeers): StreamsByToken => ({
  async claim(call) {
    const found = await request<"reserved" | "open" | "none">(CLAIM, call);
    return found.find((how) => how !== "none") ?? "none";
  },
  async start(call) {
    const answers = await request<StartAnswer>(START, call);
    return answers.find(({ how }) => how !== "none") ?? { how: "none" };
  },
  stop: async (call) => (await request<boolean>(STOP, call)).includes(true),
});
