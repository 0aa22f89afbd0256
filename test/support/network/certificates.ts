/** Certificates for tests, created by openssl: an authority, and certificates that it signs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate authority of a test. */
export interface TestAuthority extends Disposable {
  /** File and text of its certificate. */
  readonly path: string;
  readonly pem: string;
  /** Creates a certificate for localhost and 127.0.0.1. @returns the files of certificate and key */
  issue(name: string): { readonly cert: string; readonly key: string };
}

/** Creates an authority. */
export function createAuthority(): TestAuthority {
  const dir = mkdtempSync(join(tmpdir(), "streamer-certificates-"));
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const path = file("ca.pem");
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    file("ca.key"),
    "-out",
    path,
    "-days",
    "1",
    "-subj",
    "/CN=test authority",
  );
  return {
    path,
    pem: readFileSync(path, "utf8"),
    issue(name) {
      const [cert, key] = [file(`${name}.pem`), file(`${name}.key`)];
      openssl(
        ...["req", "-x509", ...newKey, "-keyout", key, "-out", cert, "-days", "1", "-subj", `/CN=${name}`],
        ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-CA", path, "-CAkey", file("ca.key")],
      );
      return { cert, key };
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
