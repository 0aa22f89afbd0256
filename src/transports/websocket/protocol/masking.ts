/** Unmasks what clients send (RFC 6455, section 5.3), natively where the optional `bufferutil` is there. */
import { createRequire } from "node:module";

/** Both do not check what they are given. */
interface NativeMasking {
  mask(source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  unmask(bytes: Uint8Array, mask: Uint8Array): void;
}

/** Below this size (bytes) a call out of JavaScript costs more than the loop. */
const NATIVE_FROM_BYTES = 48;

const native = loadNative();

function loadNative(): NativeMasking | undefined {
  try {
    return createRequire(import.meta.url)("bufferutil") as NativeMasking;
  } catch {
    // It is optional: no prebuilt binary for this platform.
    return undefined;
  }
}

/** Unmasks bytes where they are. @param mask four bytes */
export function unmaskInPlace(bytes: Uint8Array, mask: Uint8Array): void {
  if (native !== undefined && bytes.length >= NATIVE_FROM_BYTES) native.unmask(bytes, mask);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0);
}

/** Unmasks bytes on their way to another place. @param mask four bytes, the first of which is for the first byte */
export function unmaskInto(source: Uint8Array, mask: Uint8Array, target: Uint8Array, at: number): void {
  if (native !== undefined) native.mask(source, mask, target, at, source.length);
  else for (let i = 0; i < source.length; i++) target[at + i] = (source[i] ?? 0) ^ (mask[i & 3] ?? 0);
}
