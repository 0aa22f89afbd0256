/** The demo of several workers: the first one plays it, and the others pass requests on to it. */
import type { Owner } from "../../access/owner.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { PeerHandlers, RequestPeers } from "../../domain/peers.ts";
import { callPeer, outcomeOf } from "../request/peer-calls.ts";
import type { Demo } from "./demo-status.ts";

const CALL = "demo.call";

/** A request to the worker that plays the device. */
type Call =
  | { readonly act: "status" | "stop" }
  | { readonly act: "start"; readonly device: string; readonly owner: Owner };

/** Handler of the requests of other workers, in the worker that plays the device. */
export const demoHandlers = (own: Demo): PeerHandlers => ({
  [CALL]: (call: Call) =>
    outcomeOf(() => (call.act === "start" ? own.start(call.device, call.owner) : own[call.act]())),
});

/** The demo of the worker that plays the device. */
export function peerDemo(request: RequestPeers): Demo {
  const unavailable = () =>
    new GatewayError("OVERLOADED", "the worker that plays the demo device does not respond");
  const send = <T>(call: Call): Promise<T> => callPeer(request, CALL, call, unavailable);
  return {
    status: () => send({ act: "status" }),
    start: (device, owner) => send({ act: "start", device, owner }),
    stop: () => send({ act: "stop" }),
  };
}
