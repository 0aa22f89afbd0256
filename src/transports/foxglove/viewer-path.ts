/** Paths of viewers: `/foxglove` and `/foxglove/{device}`. */

/** Matches the paths. Its group is the device, percent-encoded. */
export const VIEWER_PATH = /^\/foxglove(?:\/([^/]+))?\/?$/;

/** Whether the URL of a request is that of a viewer. @param url path and query, without a prefix */
export const isViewerUrl = (url: string): boolean => VIEWER_PATH.test(url.split("?", 1)[0] ?? "");
