/** The routes of the HTTP transport itself. */
import type { SessionList } from "../../access/session-list.ts";
import type { Metrics } from "../../observe/metrics.ts";
import type { FileThread } from "../../recordings/thread/file-thread.ts";
import type { AddRoutes, RouteParts } from "./route.ts";
import { addAdmin } from "./routes/admin.ts";
import { addConsole } from "./routes/console.ts";
import { addDocs } from "./routes/docs.ts";
import { addDensity } from "./routes/entries/density.ts";
import { addEntry } from "./routes/entries/entry.ts";
import { addGetData } from "./routes/entries/get-data.ts";
import { addHistoryRange } from "./routes/entries/history.ts";
import { addPostData } from "./routes/entries/post-data.ts";
import { addEvents } from "./routes/live/events.ts";
import { addMjpeg } from "./routes/live/mjpeg.ts";
import { addLogin } from "./routes/login.ts";
import { addStatus } from "./routes/status.ts";
import { addUpgradeHints } from "./routes/upgrade-hints.ts";

/** Sources of the operator routes, the metrics page and the list of connections, and the thread that writes exports. */
export interface OwnRouteParts {
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  readonly sessionList: SessionList;
  readonly exports: FileThread;
}

/** Returns the function that adds the routes. */
export const httpRoutes =
  (parts: RouteParts, { metrics, sessionList, exports }: OwnRouteParts): AddRoutes =>
  async (app) => {
    const { version, pathPrefix } = parts.config;
    addGetData(app, parts);
    addPostData(app, parts);
    addHistoryRange(app, parts, exports);
    addEntry(app, parts);
    addDensity(app, parts);
    addEvents(app, parts);
    addMjpeg(app, parts);
    addUpgradeHints(app);
    addStatus(app, parts, { metrics, sendConsole: await addConsole(app, pathPrefix) });
    addLogin(app, parts);
    addAdmin(app, sessionList);
    await addDocs(app, version, pathPrefix);
  };
