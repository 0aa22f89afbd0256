/** Gap notice: reports that entries were trimmed before a reader received them. It is an object, where entries are a list. */
import type { Gap } from "../../domain/streams/entry.ts";

/** Returns the notice, `{"gap": {"stream_id": …, "after": …, "before": …}}`. */
export const gapOf = ({ stream, after, before }: Gap) => ({ gap: { stream_id: stream, after, before } });
