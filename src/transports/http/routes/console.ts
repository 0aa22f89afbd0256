/** Web console: the pages at `/`, for browsers, and `/send`, served from the files that are built from `console/`. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FILES_POLICY, pageHeaders, SENSORS } from "../../response/security-headers.ts";
import { ALSO_HEAD } from "../route.ts";

/** Sends the page of the console. */
export type SendConsole = (reply: FastifyReply) => Promise<FastifyReply>;

/** Folders of the built files, relative to the bundle, to the compiled modules and to the sources. */
const ROOTS = ["../pages/", "../../../../pages/", "../../../../dist/pages/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** Adds the files of the console, and its page `/send`. @returns a function that sends its page; undefined if the console was not built */
export async function addConsole(app: FastifyInstance, pathPrefix: string): Promise<SendConsole | undefined> {
  const root = ROOTS.find((folder) => existsSync(`${folder}index.html`));
  if (root === undefined) return undefined;
  // Absolute paths, because relative ones fail if the URL of the page has no trailing slash.
  const pageOf = async (name: string) =>
    (await readFile(`${root}${name}`, "utf8")).replaceAll('"./', `"${pathPrefix}/`);
  const [home, sender] = await Promise.all([pageOf("index.html"), pageOf("send.html")]);
  const homeHeaders = pageHeaders(FILES_POLICY);
  const senderHeaders = pageHeaders(FILES_POLICY, SENSORS);
  // File names contain a hash of the content, so browsers may cache them forever.
  await app.register(fastifyStatic, {
    root: `${root}console`,
    prefix: "/console/",
    decorateReply: false,
    index: false,
    maxAge: "1y",
    immutable: true,
  });
  const send = (reply: FastifyReply, page: string, headers: Readonly<Record<string, string>>) =>
    reply.headers(headers).type("text/html; charset=utf-8").header("cache-control", "no-cache").send(page);
  app.get("/send", ALSO_HEAD, (_request, reply) => send(reply, sender, senderHeaders));
  return async (reply) => send(reply, home, homeHeaders);
}
