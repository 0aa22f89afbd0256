/** Unmasks client payloads (RFC 6455, section 5.3), with native code if the optional package `bufferutil` is installed. */
import { createRequire } from "node:module";

/** Functions of `bufferutil`. They do not check their arguments. */
interface NativeMasking {
  mask(source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  unmask(bytes: Uint8Array, mask: Uint8Array): void;
}

/** Below this size (bytes), a native call costs more than a loop in JavaScript. */
const NATIVE_FROM_BYTES = 48;

const native = loadNative();

function loadNative(): NativeMasking | undefined {
  try {
    return createRequire(import.meta.url)("bufferutil") as NativeMasking;
  } catch {
    // Not installed, or no prebuilt binary for this platform.
    return undefined;
  }
}

/** Unmasks bytes in place. @param mask four bytes */
export function unmaskInPlace(bytes: Uint8Array, mask: Uint8Array): void {
  if (native !== undefined && bytes.length >= NATIVE_FROM_BYTES) native.unmask(bytes, mask);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0);
}

/** Copies and unmasks bytes. @param mask four bytes, rotated so that the first applies to the first byte of `source` */
export function unmaskInto(source: Uint8Array, mask: Uint8Array, target: Uint8Array, at: number): void {
  if (native !== undefined) native.mask(source, mask, target, at, source.length);
  else for (let i = 0; i < source.length; i++) target[at + i] = (source[i] ?? 0) ^ (mask[i & 3] ?? 0);
}
