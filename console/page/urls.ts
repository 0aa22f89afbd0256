/** URLs of the gateway. They are derived from this script's URL, so that they hold behind any path prefix. */
const script = import.meta.url;

/** Returns the base URL of the gateway, with a trailing slash. The script is one folder below it. */
export const gatewayUrl = (): string => new URL("..", script).href;

/** Returns the URL of a page or an endpoint of the gateway. @param path without a leading slash */
export const pageUrl = (path: string): string => new URL(path, gatewayUrl()).href;

/** Returns the URL of the login page. @param next path of the gateway that it leads back to; that of the open panes by default */
export const loginUrl = (next = `/${location.hash}`): string =>
  `${pageUrl("login")}?next=${encodeURIComponent(next)}`;
