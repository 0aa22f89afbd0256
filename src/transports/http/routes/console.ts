/** The console: the page at `/` for browsers, built from `console/` into files that are served as they are. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FILES_POLICY, pageHeaders } from "../../response/security-headers.ts";

/** Answers with the page. */
export type SendConsole = (reply: FastifyReply) => Promise<FastifyReply>;

/** Where the files are: beside the compiled sources, or below the folder of the sources themselves. */
const ROOTS = ["../../../../pages/", "../../../../dist/pages/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Adds the page's files. @param pathPrefix before the gateway's own paths @returns what answers with the page; undefined where it has not been built */
export async function addConsole(app: FastifyInstance, pathPrefix: string): Promise<SendConsole | undefined> {
  const root = ROOTS.find((folder) => existsSync(`${folder}index.html`));
  if (root === undefined) return undefined;
  // By whole paths: without a slash at its end, the page's own address is no folder.
  const page = (await readFile(`${root}index.html`, "utf8")).replaceAll('"../', `"${pathPrefix}/`);
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
      .headers(pageHeaders(FILES_POLICY))
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-cache")
      .send(page);
}
