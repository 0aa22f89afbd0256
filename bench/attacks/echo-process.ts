/** Echoes every byte that it receives. Its response time shows the current scheduling delay of the machine. */
import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
