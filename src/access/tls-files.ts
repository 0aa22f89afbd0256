/** The certificate and key of the gateway, read again when they change, as they do when a certificate is renewed. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "../domain/logger.ts";
import { watchFile } from "./watched-file.ts";

/** What a TLS server shows. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate that follows its files. */
export interface TlsFiles {
  current(): Certificate;
  /** Calls back with each new one. */
  onChange(callback: (certificate: Certificate) => void): void;
  close(): void;
}

/** Reads certificate and key, both PEM. @throws Error where they cannot be read or do not belong together */
export function openTlsFiles(certPath: string, keyPath: string, logger: Logger): TlsFiles {
  const callbacks: ((certificate: Certificate) => void)[] = [];
  const file = watchFile({
    paths: [certPath, keyPath],
    read() {
      const certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
      // Throws here, where the one before can stay, and not in the first handshake.
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
