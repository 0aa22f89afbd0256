/** Messages of a work queue, with the client's error types. */
import { decodeWork, type WorkMessage } from "../../src/wire/work/work-decoder.ts";
import { badMessage } from "../errors.ts";

/** A decoded message of the gateway. */
export type DecodedMessage = WorkMessage;

/** Decodes a message. @throws StreamerError BAD_MESSAGE */
export function decodeMessage(message: Uint8Array): DecodedMessage {
  try {
    return decodeWork(message);
  } catch (error) {
    throw badMessage("a message that is not one of a work queue", error);
  }
}
