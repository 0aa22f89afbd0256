/** Links that open the streams of a gateway, or a file of a recording, in Foxglove and in Lichtblick. */

/** Pages of the viewers, by the name that links to them have. */
const PAGES = {
  foxglove: "https://app.foxglove.dev/~/view",
  lichtblick: "https://lichtblick-suite.github.io/lichtblick/",
} as const;

/** Name of a viewer. */
export type ViewerName = keyof typeof PAGES;

/** Returns links to the streams of a gateway. @param gatewayUrl its base URL (http or https), with a trailing slash */
export const viewerLinks = (gatewayUrl: string): Readonly<Record<ViewerName, string>> =>
  linksTo("foxglove-websocket", `${gatewayUrl.replace(/^http/, "ws")}foxglove`);

/** Returns links to a file of a recording. @param fileUrl its URL at the gateway */
export const recordingLinks = (fileUrl: string): Readonly<Record<ViewerName, string>> =>
  linksTo("remote-file", fileUrl);

const linksTo = (source: string, url: string): Readonly<Record<ViewerName, string>> => ({
  foxglove: linkTo(PAGES.foxglove, source, url),
  lichtblick: linkTo(PAGES.lichtblick, source, url),
});

const linkTo = (page: string, source: string, url: string): string =>
  `${page}?ds=${source}&ds.url=${encodeURIComponent(url)}`;
