/** Camera: JPEG pictures at the chosen rate. A picture that could not be sent at once is not made, so that none is old. */
import { type CaptureOutput, type OpenCapture, OUTDATED_PAGE } from "./capture.ts";
import type { ToFrameClock } from "./frame-clock-worker.ts";

/** Selectable sizes and rates. The camera may have only others, and then uses the nearest. */
export const CAMERA_SIZES = ["320×240", "640×480", "1280×720", "1920×1080"] as const;
/** Selectable rates, pictures per second. */
export const CAMERA_RATES = [1, 2, 5, 10, 15, 30] as const;
/** Selectable cameras of a phone. */
export const CAMERA_SIDES = ["back", "front"] as const;

/** Choices of the user. */
export interface CameraOptions {
  readonly side: (typeof CAMERA_SIDES)[number];
  readonly size: (typeof CAMERA_SIZES)[number];
  readonly rate: (typeof CAMERA_RATES)[number];
}

/** Quality of the JPEGs, from 0 to 1. */
const QUALITY = 0.8;

/** Opens the camera. */
export async function openCamera(options: CameraOptions, output: CaptureOutput): Promise<OpenCapture> {
  const { side, size, rate } = options;
  const [width = 0, height = 0] = size.split("×").map(Number);
  const media = await navigator.mediaDevices.getUserMedia({
    video: {
      facingMode: side === "front" ? "user" : "environment",
      width: { ideal: width },
      height: { ideal: height },
      frameRate: { ideal: rate },
    },
  });
  const stopMedia = () => {
    for (const track of media.getTracks()) track.stop();
  };
  const preview = previewOf(media);
  try {
    await preview.play();
  } catch (error) {
    stopMedia();
    throw error;
  }
  for (const track of media.getVideoTracks())
    track.onended = () => output.ended(new Error("The camera was disconnected, or another program took it."));
  const encode = createEncoder(preview);
  const clock = new Worker(new URL("./frame-clock-worker.ts", import.meta.url), { type: "module" });
  clock.onerror = () => output.ended(new Error(OUTDATED_PAGE));
  let isEncoding = false;
  let isStopped = false;
  clock.onmessage = async () => {
    if (isEncoding || !output.isReady) {
      output.skipped();
      return;
    }
    isEncoding = true;
    // A picture that cannot be encoded must not hold up all others.
    const picture = await encode().finally(() => {
      isEncoding = false;
    });
    if (isStopped || picture === undefined) return;
    output.reading(`${preview.videoWidth} × ${preview.videoHeight}`);
    output.entry(picture);
  };
  const intervalMs: ToFrameClock = 1000 / rate;
  clock.postMessage(intervalMs);
  return {
    declaration: { contentType: "image/jpeg" },
    preview,
    stop() {
      isStopped = true;
      clock.terminate();
      stopMedia();
      preview.srcObject = null;
    },
  };
}

function previewOf(media: MediaStream): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  // Otherwise phones show it in full screen.
  video.playsInline = true;
  video.srcObject = media;
  return video;
}

/** Creates a function that encodes the current picture of the video; undefined while there is none. */
function createEncoder(video: HTMLVideoElement): () => Promise<Uint8Array | undefined> {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  return async () => {
    const { videoWidth, videoHeight } = video;
    if (context === null || videoWidth === 0) return undefined;
    // The size changes when the phone is turned.
    if (canvas.width !== videoWidth || canvas.height !== videoHeight) {
      canvas.width = videoWidth;
      canvas.height = videoHeight;
    }
    context.drawImage(video, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob === null ? undefined : new Uint8Array(await blob.arrayBuffer());
  };
}
