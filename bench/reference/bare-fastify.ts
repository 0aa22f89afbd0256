/**
 * Bare Fastify route: the minimum cost of an HTTP response of a given size in the framework that the gateway uses.
 * Usage: bare-fastify.js <port> <bytes in the response>
 */
import { fastify } from "fastify";

const body = Buffer.alloc(Number(process.argv[3]), "x");
const app = fastify();
app.get("/data/:stream", (_request, reply) => reply.type("application/octet-stream").send(body));
app.get("/readyz", (_request, reply) => reply.send("ready"));
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
