/** Links that open the streams of a gateway in Foxglove and in Lichtblick. */

/** Pages of the viewers, by the name that links to them have. */
const PAGES = {
  foxglove: "https://app.foxglove.dev/~/view",
  lichtblick: "https://lichtblick-suite.github.io/lichtblick/",
} as const;

/** Name of a viewer. */
export type ViewerName = keyof typeof PAGES;

/** Returns the links. @param gatewayUrl base URL of the gateway (http or https), with a trailing slash */
export const viewerLinks = (gatewayUrl: string): Readonly<Record<ViewerName, string>> => ({
  foxglove: linkTo(PAGES.foxglove, gatewayUrl),
  lichtblick: linkTo(PAGES.lichtblick, gatewayUrl),
});

function linkTo(page: string, gatewayUrl: string): string {
  const url = `${gatewayUrl.replace(/^http/, "ws")}foxglove`;
  return `${page}?ds=foxglove-websocket&ds.url=${encodeURIComponent(url)}`;
}
