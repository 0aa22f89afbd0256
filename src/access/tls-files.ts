/** TLS certificate and key of the gateway, reloaded when the files change. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "../domain/logger.ts";
import { watchFile } from "./watched-file.ts";

/** Certificate and private key of a TLS server, PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate that is reloaded from its files. */
export interface TlsFiles {
  current(): Certificate;
  /** Calls back with each new certificate. */
  onChange(callback: (certificate: Certificate) => void): void;
  close(): void;
}

/** Reads certificate and key, both PEM. @throws Error if they cannot be read or do not match */
export function openTlsFiles(certPath: string, keyPath: string, logger: Logger): TlsFiles {
  const callbacks: ((certificate: Certificate) => void)[] = [];
  const file = watchFile({
    paths: [certPath, keyPath],
    read() {
      const certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
      // An invalid pair throws here, where the previous one stays in use, instead of in the first handshake.
      createSecureContext(certificate);
      return certificate;
    },
    onChange(certificate) {
      for (const callback of callbacks) callback(certificate);
    },
    logger,
  });
  return { current: file.value, onChange: (callback) => callbacks.push(callback), close: file.close };
}
