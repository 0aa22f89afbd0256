/** Modules of the WebSocket transport with the native `bufferutil`, and without it. */
import { createRequire } from "node:module";
import { vi } from "vitest";

const require = createRequire(import.meta.url);

/** Code that unmasks received frames. */
export type MaskingKind = "natively" | "in JavaScript";

/** Imports a module again with the given kind of unmasking. */
export async function importMasked<T>(kind: MaskingKind, load: () => Promise<T>): Promise<T> {
  const path = require.resolve("bufferutil");
  const known = require.cache[path];
  vi.resetModules();
  try {
    if (kind === "in JavaScript") {
      const missing = { loaded: true } as NodeJS.Module;
      Object.defineProperty(missing, "exports", {
        get() {
          throw new Error("there is none for this platform");
        },
      });
      require.cache[path] = missing;
    }
    return await load();
  } finally {
    delete require.cache[path];
    if (known !== undefined) require.cache[path] = known;
  }
}
