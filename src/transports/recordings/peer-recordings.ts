/** Recordings of several workers: the first one records, and the others pass requests on to it. */
import type { Owner } from "../../access/owner.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { PeerHandlers, RequestPeers } from "../../domain/peers.ts";
import type { PlaybackChange, PlaybackRequest } from "../../recordings/playback-status.ts";
import type { RecordingOwner } from "../../recordings/recording-record.ts";
import type { RecordingRequest } from "../../recordings/recording-status.ts";
import { callPeer, outcomeOf } from "../request/peer-calls.ts";
import type { Recordings } from "./recordings.ts";

const CALL = "recordings.call";

/** A request to the worker that records. */
type Call =
  | { readonly act: "pageBytes" }
  | { readonly act: "page"; readonly after: string }
  | { readonly act: "get"; readonly name: string }
  | {
      readonly act: "create";
      readonly name: string;
      readonly request: RecordingRequest;
      readonly owner: RecordingOwner;
    }
  | { readonly act: "stop" | "remove"; readonly name: string }
  | {
      readonly act: "play";
      readonly name: string;
      readonly request: PlaybackRequest;
      readonly owner: Owner;
    }
  | { readonly act: "changePlayback"; readonly name: string; readonly change: PlaybackChange };

/** Handler of the requests of other workers, in the worker that records. */
export const recordingHandlers = (own: Recordings): PeerHandlers => ({
  [CALL]: (call: Call) => outcomeOf(() => perform(own, call)),
});

function perform(own: Recordings, call: Call): Promise<unknown> {
  switch (call.act) {
    case "pageBytes":
      return own.pageBytes();
    case "page":
      return own.page(call.after);
    case "get":
      return own.get(call.name);
    case "create":
      return own.create(call.name, call.request, call.owner);
    case "stop":
      return own.stop(call.name);
    case "remove":
      return own.remove(call.name);
    case "play":
      return own.play(call.name, call.request, call.owner);
    case "changePlayback":
      return own.changePlayback(call.name, call.change);
    default:
      return call satisfies never;
  }
}

/** The recordings of the worker that records. */
export function peerRecordings(request: RequestPeers): Recordings {
  const unavailable = () =>
    new GatewayError("RECORDINGS_UNAVAILABLE", "the worker that records does not respond");
  const send = <T>(call: Call): Promise<T> => callPeer(request, CALL, call, unavailable);
  return {
    pageBytes: () => send({ act: "pageBytes" }),
    page: (after) => send({ act: "page", after }),
    get: (name) => send({ act: "get", name }),
    create: (name, wanted, owner) => send({ act: "create", name, request: wanted, owner }),
    stop: (name) => send({ act: "stop", name }),
    remove: (name) => send({ act: "remove", name }),
    play: (name, wanted, owner) => send({ act: "play", name, request: wanted, owner }),
    changePlayback: (name, change) => send({ act: "changePlayback", name, change }),
  };
}
