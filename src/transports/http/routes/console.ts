/** Web console: the page at `/` for browsers, served from the files that are built from `console/`. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FILES_POLICY, pageHeaders } from "../../response/security-headers.ts";

/** Sends the page of the console. */
export type SendConsole = (reply: FastifyReply) => Promise<FastifyReply>;

/** Folders of the built files, relative to the bundle, to the compiled modules and to the sources. */
const ROOTS = ["../pages/", "../../../../pages/", "../../../../dist/pages/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Adds the files of the console. @returns a function that sends its page; undefined if the console was not built */
export async function addConsole(app: FastifyInstance, pathPrefix: string): Promise<SendConsole | undefined> {
  const root = ROOTS.find((folder) => existsSync(`${folder}index.html`));
  if (root === undefined) return undefined;
  // Absolute paths, because relative ones fail if the URL of the page has no trailing slash.
  const page = (await readFile(`${root}index.html`, "utf8")).replaceAll('"./', `"${pathPrefix}/`);
  // File names contain a hash of the content, so browsers may cache them forever.
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
      .headers(pageHeaders(FILES_POLICY))
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-cache")
      .send(page);
}
