/**
 * Path prefix of a gateway behind a proxy: `/streams` of `https://lab.example/streams/data/cam`. Requests work with and
 * without it, because some proxies remove the prefix and others do not.
 */

/** Returns a request target without the prefix. @param url path and query */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === "" || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}
