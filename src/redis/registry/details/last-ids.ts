/** The last ids of streams, which readers with the cursor `$` start at. */
import { type EntryId, FIRST_ID } from "../../../domain/streams/entry-id.ts";
import { withGatewayErrors } from "../../reply-errors.ts";
import type { Commands } from "../../resp/commands.ts";
import { ReplyError } from "../../resp/reader.ts";
import type { DetailsReader } from "./details-reader.ts";
import { detailsOf, NO_DETAILS, NO_STREAM } from "./stream-info.ts";
import type { StreamRecords } from "./stream-records.ts";

/** Reads the last ids of streams. */
export interface LastIds {
  /**
   * Returns the last id that the stream generated, which `$` stands for; `0-0` if the stream does not exist. In a stream of
   * large entries, whose newest ones were deleted, it is the id of the newest one that exists: a reader that starts there
   * receives the same entries.
   *
   * @throws GatewayError
   */
  lastGeneratedId(key: string): Promise<EntryId>;
}

/** Creates the reads. */
export function createLastIds(database: Commands, details: DetailsReader, records: StreamRecords): LastIds {
  return {
    async lastGeneratedId(key) {
      // The reply to XINFO contains the first and the last entry. For small ones it is cheaper than the script.
      if (!details.areSmall(key)) {
        const [record] = await records.read([key], { depth: "facts", meta: false, client: "" });
        const { last, lastGeneratedId, error } = record?.details ?? NO_DETAILS;
        if (error === "") return last?.id ?? (lastGeneratedId as EntryId);
        if (NO_STREAM.test(error)) return FIRST_ID;
      }
      // Also if the user may not run scripts.
      const reply = await withGatewayErrors(database.call("XINFO", "STREAM", key).catch(noStream));
      if (reply === null) return FIRST_ID;
      const found = detailsOf(reply);
      details.learn(key, found);
      return found.lastGeneratedId as EntryId;
    },
  };
}

/** Converts the error of a stream that does not exist into null. @throws any other error */
function noStream(error: Error): null {
  if (error instanceof ReplyError && NO_STREAM.test(error.message)) return null;
  throw error;
}
