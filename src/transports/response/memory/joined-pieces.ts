/** Joins the encoded pieces of a long response, each of which is freed once it is copied: the response is in memory once. */
import type { Pieces } from "../../../wire/pieces.ts";
import { releaseMemory } from "../../websocket-protocol/memory/release-memory.ts";

/** Joins pieces that share no memory with anything else, in steps. The pieces are empty afterwards. */
export function* joinOwnPieces(pieces: Pieces): Generator<void, Buffer> {
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.length;
    releaseMemory(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    yield;
  }
  return whole;
}
