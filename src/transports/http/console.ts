/** The console: the page at `/` for browsers, built from `console/` into files that are served as they are. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";

/** Answers with the page. */
export type SendConsole = (reply: FastifyReply) => Promise<FastifyReply>;

/** Where the files are: beside the compiled sources, or below the folder of the sources themselves. */
const ROOTS = ["../../../pages/", "../../../dist/pages/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Scripts and styles are files of the gateway, to which alone the page talks; pictures it draws itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Adds the page's files. @returns what answers with the page; undefined where it has not been built */
export async function addConsole(app: FastifyInstance): Promise<SendConsole | undefined> {
  const root = ROOTS.find((folder) => existsSync(`${folder}index.html`));
  if (root === undefined) return undefined;
  const page = await readFile(`${root}index.html`);
  // Their names change with their content.
  await app.register(fastifyStatic, {
    root: `${root}console`,
    prefix: "/console/",
    decorateReply: false,
    index: false,
    maxAge: "1y",
    immutable: true,
  });
  return async (reply) =>
    reply
      .type("text/html; charset=utf-8")
      .header("content-security-policy", POLICY)
      .header("cache-control", "no-cache")
      .send(page);
}
