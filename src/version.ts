/** Version of the package, for the gateway and the command line. */
import { existsSync, readFileSync } from "node:fs";

/** Reads the version from `package.json`. */
export function readVersion(): string {
  // One level up from src, and two from dist/src or dist/bin.
  for (const path of ["../package.json", "../../package.json"]) {
    const url = new URL(path, import.meta.url);
    if (existsSync(url)) return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
  }
  return "unknown";
}
