/** Properties of each tool of a stream. */
import type { Streamer } from "../../client/browser.ts";
import type { StreamName } from "../page/stream-name.ts";
import type { Listing } from "../stream-list/listing.ts";

/** Properties of a tool. */
export interface ToolProps {
  readonly name: StreamName;
  readonly streamKey: string;
  readonly streamer: Streamer;
  readonly listing: Listing;
}
