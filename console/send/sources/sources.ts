/** The sources of this page, in the order in which they are shown. */
import { Camera, MapPin, Mic, Move3d } from "lucide";
import {
  CAMERA_RATES,
  CAMERA_SIDES,
  CAMERA_SIZES,
  type CameraOptions,
  openCamera,
} from "../capture/camera.ts";
import { type MicrophoneOptions, openMicrophone, SOUND_RATES } from "../capture/microphone.ts";
import { MOTION_RATES, type MotionOptions, openMotion } from "../capture/motion.ts";
import { openPosition } from "../capture/position.ts";
import { defineSource, type Source } from "./source.ts";

const camera = defineSource<CameraOptions>({
  name: "camera",
  title: "Camera",
  about: "JPEG pictures",
  sensor: "camera",
  icon: Camera,
  feature: "camera",
  delivery: "newest",
  choices: {
    side: {
      label: "Side",
      values: CAMERA_SIDES,
      fallback: "back",
      textOf: (side) => (side === "back" ? "Back" : "Front"),
    },
    size: { label: "Size", values: CAMERA_SIZES, fallback: "640×480", textOf: String },
    rate: { label: "Pictures", values: CAMERA_RATES, fallback: 10, textOf: (rate) => `${rate} per second` },
  },
  open: openCamera,
});

const microphone = defineSource<MicrophoneOptions>({
  name: "mic",
  title: "Microphone",
  about: "16-bit PCM, one channel",
  sensor: "microphone",
  icon: Mic,
  feature: "microphone",
  delivery: "all",
  choices: {
    rate: {
      label: "Samples",
      values: SOUND_RATES,
      fallback: 16_000,
      textOf: (rate) => `${rate / 1000} kHz`,
    },
  },
  open: openMicrophone,
});

const motion = defineSource<MotionOptions>({
  name: "motion",
  title: "Motion",
  about: "Acceleration in m/s², rotation in rad/s",
  sensor: "motion sensor",
  icon: Move3d,
  feature: "motion",
  delivery: "all",
  choices: {
    rate: {
      label: "Readings",
      values: MOTION_RATES,
      fallback: 50,
      textOf: (rate) => (rate === "all" ? "All readings" : `${rate} per second`),
    },
  },
  open: openMotion,
});

const position = defineSource<object>({
  name: "gps",
  title: "Position",
  about: "Latitude and longitude in degrees, speed in m/s",
  sensor: "position",
  icon: MapPin,
  feature: "position",
  delivery: "all",
  choices: {},
  open: openPosition,
});

/** All sources except files, which are sent once. */
export const SOURCES: readonly Source[] = [camera, microphone, motion, position];
