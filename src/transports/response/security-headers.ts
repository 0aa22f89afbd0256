/**
 * Security headers of responses: no type sniffing, which sites may embed a response, and the content security policies of
 * pages. The gateway's pages load everything from the gateway, run only its scripts and cannot be framed. Only the page that
 * sends may use the camera and other sensors.
 */
import { createHash } from "node:crypto";
import type { FastifyReply } from "fastify";

/** Directives of a content security policy, by name. */
export type Policy = Readonly<Record<string, readonly string[]>>;

/** Directives common to all pages. */
const BASE_POLICY: Policy = {
  "default-src": ["'none'"],
  "base-uri": ["'none'"],
  "form-action": ["'self'"],
  "frame-ancestors": ["'none'"],
};

/** Policy of pages whose scripts and styles are files of the gateway and that connect to it. Images may be `data:` and `blob:` URLs. */
export const FILES_POLICY: Policy = {
  ...BASE_POLICY,
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "font-src": ["'self'"],
  "img-src": ["'self'", "data:", "blob:"],
  "connect-src": ["'self'"],
};

/** Formats a policy as a header value. */
const policyText = (policy: Policy): string =>
  Object.entries(policy)
    .map(([name, sources]) => `${name} ${sources.join(" ")}`)
    .join("; ");

/** Returns the CSP source that allows one inline script or style, by its hash. */
export const hashSource = (text: string): string =>
  `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Prevents pages of other sites from loading responses with `<img>` and `<script>`, in browsers without `Sec-Fetch-Site`. */
const RESOURCE_POLICY = "cross-origin-resource-policy";

/** Headers of every response. */
export const ANSWER_HEADERS = {
  "x-content-type-options": "nosniff",
  [RESOURCE_POLICY]: "same-site",
} as const;

/** Headers of a response to an admitted page of another origin. */
export const SHARED_ANSWER_HEADERS = { [RESOURCE_POLICY]: "cross-origin" } as const;

/** Features of the browser that a page may use, each after the user's permission. */
export const SENSORS = ["camera", "microphone", "geolocation", "accelerometer", "gyroscope"] as const;

/** One of `SENSORS`. */
export type Sensor = (typeof SENSORS)[number];

/**
 * Returns the headers of a page. Its URL may contain a ticket, so other sites receive no referrer.
 *
 * @param sensors features that the page may use; all others are denied to it
 */
export const pageHeaders = (
  policy: Policy,
  sensors: readonly Sensor[] = [],
): Readonly<Record<string, string>> => ({
  "content-security-policy": policyText(policy),
  "permissions-policy": SENSORS.map((one) => `${one}=(${sensors.includes(one) ? "self" : ""})`).join(", "),
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
});

/** Sends a page that may use only the style and script that it contains. */
export function sendPage(reply: FastifyReply, html: string): FastifyReply {
  const [, style = ""] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  const [, script] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
  const policy = {
    ...BASE_POLICY,
    "img-src": ["data:"],
    "style-src": [hashSource(style)],
    ...(script !== undefined && { "script-src": [hashSource(script)] }),
  };
  return reply.headers(pageHeaders(policy)).type("text/html; charset=utf-8").send(html);
}
