/** Recordings of several workers: the first one records, and the others pass requests on to it. */
import { asGatewayError, type ErrorCode, GatewayError } from "../../domain/errors.ts";
import type { PeerHandlers, RequestPeers } from "../../domain/peers.ts";
import type { PlaybackChange, PlaybackOwner, PlaybackRequest } from "../../recordings/playback-status.ts";
import type { RecordingOwner } from "../../recordings/recording-record.ts";
import type { RecordingRequest } from "../../recordings/recording-status.ts";
import type { Recordings } from "./recordings.ts";

const CALL = "recordings.call";

/** A request to the worker that records. */
type Call =
  | { readonly act: "list" | "listBytes" }
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
      readonly owner: PlaybackOwner;
    }
  | { readonly act: "changePlayback"; readonly name: string; readonly change: PlaybackChange };

/** Its result, or its error. */
type Outcome = { readonly value: unknown } | { readonly code: ErrorCode; readonly message: string };

/** Handler of the requests of other workers, in the worker that records. */
export const recordingHandlers = (own: Recordings): PeerHandlers => ({
  async [CALL](call: Call): Promise<Outcome> {
    try {
      return { value: await perform(own, call) };
    } catch (error) {
      const { code, message } = asGatewayError(error);
      return { code, message };
    }
  },
});

function perform(own: Recordings, call: Call): Promise<unknown> {
  switch (call.act) {
    case "list":
      return own.list();
    case "listBytes":
      return own.listBytes();
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
  const send = async <T>(call: Call): Promise<T> => {
    const [outcome] = await request<Outcome>(CALL, call);
    if (outcome === undefined)
      throw new GatewayError("RECORDINGS_UNAVAILABLE", "the worker that records does not respond");
    if ("code" in outcome) throw new GatewayError(outcome.code, outcome.message);
    return outcome.value as T;
  };
  return {
    list: () => send({ act: "list" }),
    listBytes: () => send({ act: "listBytes" }),
    create: (name, wanted, owner) => send({ act: "create", name, request: wanted, owner }),
    stop: (name) => send({ act: "stop", name }),
    remove: (name) => send({ act: "remove", name }),
    play: (name, wanted, owner) => send({ act: "play", name, request: wanted, owner }),
    changePlayback: (name, change) => send({ act: "changePlayback", name, change }),
  };
}
