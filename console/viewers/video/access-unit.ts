/**
 * Frames of H.264 and H.265 video as cameras send them: Annex B byte streams, in which a start code (0, 0, 1) precedes each NAL
 * unit (ITU-T H.264 and H.265, annex B).
 */

/** Codec of a video. */
export type VideoCodec = "h264" | "h265";

/** Facts about a frame that a decoder needs. */
export interface AccessUnit {
  /** Whether it can be decoded without the frames before. */
  readonly isKey: boolean;
  /** Codec string of WebCodecs, from the parameter sets of the frame; undefined if it has none. */
  readonly codec: string | undefined;
}

/** Returns the codec of a content type without parameters; undefined for other types. */
export function codecOfType(essence: string): VideoCodec | undefined {
  if (essence === "video/h264" || essence === "video/avc") return "h264";
  return essence === "video/h265" || essence === "video/hevc" ? "h265" : undefined;
}

/** Returns whether bytes begin with a start code. */
export function beginsFrame(data: Uint8Array): boolean {
  const one = data.indexOf(1);
  return one >= 2 && data.subarray(0, one).every((byte) => byte === 0);
}

/** Inspects a frame. */
export function inspectFrame(codec: VideoCodec, data: Uint8Array): AccessUnit {
  return codec === "h264" ? inspectH264(data) : inspectH265(data);
}

const H264_IDR = 5;
const H264_SPS = 7;

function inspectH264(data: Uint8Array): AccessUnit {
  let isKey = false;
  let codec: string | undefined;
  for (const unit of nalUnits(data)) {
    const type = (unit[0] ?? 0) & 0x1f;
    if (type === H264_IDR) isKey = true;
    // Profile, constraints and level follow the header (H.264, 7.3.2.1.1).
    if (type === H264_SPS && unit.length >= 4) codec = `avc1.${hex(unit.subarray(1, 4))}`;
  }
  return { isKey, codec };
}

/** Range of the types of pictures at which decoding can begin (H.265, table 7-1). */
const H265_FIRST_START = 16;
const H265_LAST_START = 23;
const H265_SPS = 33;
/** Bytes of a parameter set from its header to the end of the general level. */
const H265_SPS_BYTES = 15;

function inspectH265(data: Uint8Array): AccessUnit {
  let isKey = false;
  let codec: string | undefined;
  for (const unit of nalUnits(data)) {
    const type = ((unit[0] ?? 0) >> 1) & 0x3f;
    if (type >= H265_FIRST_START && type <= H265_LAST_START) isKey = true;
    const set = type === H265_SPS ? unescaped(unit, H265_SPS_BYTES) : [];
    if (set.length === H265_SPS_BYTES) codec = h265Codec(set);
  }
  return { isKey, codec };
}

/** Codec string of a sequence parameter set (ISO/IEC 14496-15, annex E.3). */
function h265Codec(set: readonly number[]): string {
  const [space = 0, ...compatible] = set.slice(3, 8);
  const profile = `${["", "A", "B", "C"][space >> 6]}${space & 0x1f}`;
  const flags = reversedBits(compatible.reduce((all, byte) => all * 256 + byte, 0));
  const tier = (space & 0x20) === 0 ? "L" : "H";
  const constraints = set.slice(8, 14);
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [profile, upperHex(flags), `${tier}${set[14]}`, ...constraints.map(upperHex)];
  return `hev1.${parts.join(".")}`;
}

/** Returns the first bytes of a NAL unit without those that keep start codes out of it: the 3 in 0, 0, 3 (H.265, 7.4.2). */
function unescaped(unit: Uint8Array, length: number): readonly number[] {
  const bytes: number[] = [];
  for (let at = 0; at < unit.length && bytes.length < length; at++)
    if (unit[at] !== 3 || unit[at - 1] !== 0 || unit[at - 2] !== 0) bytes.push(unit[at] ?? 0);
  return bytes;
}

function reversedBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) if ((value >>> bit) & 1) reversed |= 1 << (31 - bit);
  return reversed >>> 0;
}

const upperHex = (value: number): string => value.toString(16).toUpperCase();
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Yields the NAL units of a byte stream, without their start codes. */
function* nalUnits(data: Uint8Array): Generator<Uint8Array, void, undefined> {
  let from = -1;
  for (let at = data.indexOf(1, 2); at >= 0; at = data.indexOf(1, at + 1)) {
    if (data[at - 1] !== 0 || data[at - 2] !== 0) continue;
    if (from >= 0) yield data.subarray(from, at - 2);
    from = at + 1;
  }
  if (from >= 0) yield data.subarray(from);
}
