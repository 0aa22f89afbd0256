/** Idle HTTP server. Its response time shows what a request costs on the machine at this moment without a gateway. */
import { createServer } from "node:http";

createServer({ noDelay: true }, (_request, response) => response.end("ok")).listen(
  Number(process.argv[2]),
  "127.0.0.1",
);
