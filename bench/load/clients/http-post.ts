/** Sequential POST requests over one kept-alive connection; response bodies are only counted. */
import { Agent, request } from "node:http";

/** Posts one JSON body repeatedly. */
export interface JsonPoster {
  /** @returns length of the response body @throws Error if the status is not 200 */
  post(): Promise<number>;
  close(): void;
}

/** Creates a poster for a path of a local port. */
export function createJsonPoster(port: number, path: string, body: string): JsonPoster {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return {
    post: () =>
      new Promise((resolve, reject) => {
        const sent = request({ agent, port, path, host: "127.0.0.1", method: "POST", headers }, (answer) => {
          let bytes = 0;
          answer.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
          });
          answer.on("error", reject);
          answer.on("end", () => {
            if (answer.statusCode === 200) resolve(bytes);
            else reject(new Error(`${path} responded with status ${answer.statusCode}`));
          });
        });
        sent.on("error", reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}
