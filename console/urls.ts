/** Where the gateway is: this script is one of its files, one folder below it, whatever path it stands behind. */
const script = import.meta.url;

/** The gateway's address, with a slash at its end. */
export const gatewayUrl = (): string => new URL("..", script).href;

/** The address of one of its pages. @param path without a slash at its start */
export const pageUrl = (path: string): string => new URL(path, gatewayUrl()).href;
