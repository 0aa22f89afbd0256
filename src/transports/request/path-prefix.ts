/**
 * The path that a gateway stands behind, `/streams` of `https://lab.example/streams/data/cam`. A proxy may take it away
 * before it passes a request on, or not: both are the same path here.
 */

/** The address without the prefix. @param url the target of a request: a path and query */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === "" || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}
