/** Size of a picture. */

/** Size in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Largest picture that is decoded, pixels. */
export const MAX_PIXELS = 64e6;
