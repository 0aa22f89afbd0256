/**
 * Settings of the runtime. `main.ts` imports this file first, because libraries read `NODE_ENV` when they are loaded.
 */
import { setFlagsFromString } from "node:v8";

// In development the GraphQL library checks every object twice.
process.env.NODE_ENV ??= "production";

// Without a listener, the signal of a file at its maximum size (`ulimit -f`) would end the process. The write then fails with EFBIG.
process.on("SIGXFSZ", () => undefined);

// V8 lets a small heap grow to four times its live objects before it collects them. This limits it to twice, which
// `docs/operating.md` assumes for a container of 512 MB.
setFlagsFromString("--heap-growing-percent=100");

// Node 24 takes small buffers from blocks of 64 KB. A client that reads slowly would hold a whole block for each small frame, of which the
// memory budget counts the bytes. This is the size of Node 20 and 22.
Buffer.poolSize = 8 * 1024;
