/** Settings of the server: address, TLS, pages that may use it, and processes. */
import { list, pathPrefix, processes, text, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Settings of the server: address, TLS, pages that may use it, and processes. */
export const SERVER = {
  host: row("HOST", text, "127.0.0.1", "", "Address to listen on; 0.0.0.0 opens it to the network"),
  port: row("PORT", whole(0, 65535), "8000", "", "TCP port to listen on; 0 chooses a free one"),
  tlsCert: row(
    "TLS_CERT",
    text,
    "",
    "",
    "PEM file with the certificate for https and wss; reloaded when it changes",
  ),
  tlsKey: row("TLS_KEY", text, "", "", "PEM file with the private key of TLS_CERT"),
  pathPrefix: row(
    "PATH_PREFIX",
    pathPrefix,
    "",
    "",
    "Path of the gateway behind a proxy, such as /streams; works whether or not the proxy strips it",
  ),
  trustProxy: row(
    "TRUST_PROXY",
    list,
    "",
    "",
    "Comma-separated proxies whose X-Forwarded headers are trusted: addresses, networks, loopback, uniquelocal",
  ),
  allowedOrigins: row(
    "ALLOWED_ORIGINS",
    list,
    "",
    "",
    "Comma-separated origins whose pages may use the gateway, in addition to its own and local ones; * allows all",
  ),
  allowedHosts: row(
    "ALLOWED_HOSTS",
    list,
    "",
    "",
    "Comma-separated host names accepted in addition to local ones; if empty, loopback accepts local names only and other addresses accept any; * allows all",
  ),
  workers: row(
    "WORKERS",
    processes,
    "1",
    "",
    "Number of processes that share the port; auto starts one per core",
  ),
  shutdownMs: row(
    "SHUTDOWN_MS",
    whole(100, 600_000),
    "8000",
    "ms",
    "Maximum time of a shutdown, in which requests in flight are answered and stored",
  ),
} as const;
