/** Sends back every byte that it receives. What it takes to answer is what any process of this machine takes just now. */
import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
