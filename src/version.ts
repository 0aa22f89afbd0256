/** Version of the package, for the gateway and the command line. */
import { existsSync, readFileSync } from "node:fs";

/** Reads the version from `package.json`. */
export function readVersion(): string {
  // From dist/src or from src: the package is one or two levels up.
  for (const path of ["../package.json", "../../package.json"]) {
    const url = new URL(path, import.meta.url);
    if (existsSync(url)) return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
  }
  return "unknown";
}
