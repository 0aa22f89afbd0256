/**
 * What browsers are told about answers: not to guess types, to whom pictures may be shown, where a page's parts come
 * from. The pages of the gateway load everything from the gateway, run only its scripts and stand in no frame.
 */
import { createHash } from "node:crypto";
import type { FastifyReply } from "fastify";

/** Directives of a content security policy by their names. */
export type Policy = Readonly<Record<string, readonly string[]>>;

/** What every page keeps to. */
const BASE_POLICY: Policy = {
  "default-src": ["'none'"],
  "base-uri": ["'none'"],
  "form-action": ["'self'"],
  "frame-ancestors": ["'none'"],
};

/** For pages whose scripts and styles are files of the gateway, and that talk to it. Pictures may be its own data. */
export const FILES_POLICY: Policy = {
  ...BASE_POLICY,
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "font-src": ["'self'"],
  "img-src": ["'self'", "data:", "blob:"],
  "connect-src": ["'self'"],
};

/** The header of a policy. */
const policyText = (policy: Policy): string =>
  Object.entries(policy)
    .map(([name, sources]) => `${name} ${sources.join(" ")}`)
    .join("; ");

/** The source that allows one script or style in a page, by its text. */
export const hashSource = (text: string): string =>
  `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Told to browsers that do not tell who asks: what is no page's own is not for its `<img>` and `<script>`. */
const SHOWN_TO = "cross-origin-resource-policy";

/** The headers of every answer. */
export const ANSWER_HEADERS = { "x-content-type-options": "nosniff", [SHOWN_TO]: "same-site" } as const;

/** Those of an answer to another page that was let in. */
export const SHARED_ANSWER_HEADERS = { [SHOWN_TO]: "cross-origin" } as const;

/** The headers of a page. An address may hold a ticket, so it is told to no other site. */
export const pageHeaders = (policy: Policy): Readonly<Record<string, string>> => ({
  "content-security-policy": policyText(policy),
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
});

/** Sends a page whose only style and script are the ones that it contains. */
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
