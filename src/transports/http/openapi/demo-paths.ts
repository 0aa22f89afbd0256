/** Routes of the demo device in the OpenAPI document. */
import type { Paths } from "./paths.ts";
import { FAULTS, problem, SMALL_BODY, text } from "./responses.ts";
import { body, contentOf, INTEGER, listOf, object, type Schema, STRING, TIME } from "./schemas.ts";

const STATUS = object({
  device: STRING,
  streams: listOf(STRING),
  state: { ...STRING, enum: ["playing", "failed"] },
  error: { ...STRING, nullable: true },
  started: TIME,
  ...{ stored: INTEGER, notStored: INTEGER },
  owner: STRING,
});

const DEVICE: Schema = {
  ...STATUS,
  nullable: true,
  description: "Null if there is none, or the client may not read its streams.",
};

/** Paths of the demo device. */
export const DEMO_PATHS: Paths = {
  "/demo": {
    get: {
      tags: ["http"],
      summary: "Show the demo device",
      responses: {
        ...FAULTS,
        "200": body("The demo device.", object({ enabled: { type: "boolean" }, device: DEVICE })),
      },
    },
    post: {
      tags: ["http"],
      summary: "Play a demo device: a rover with camera, detector, IMU, microphone and GPS",
      requestBody: { content: contentOf(object({ device: { ...STRING, default: "rover" } })) },
      responses: {
        ...FAULTS,
        ...SMALL_BODY,
        "201": body("The device, which is being played.", STATUS),
        "403": problem("The client may not write its streams, or `DEMO` is 0."),
      },
    },
    delete: {
      tags: ["http"],
      summary: "Stop the demo device",
      responses: { ...FAULTS, "204": text("No device is being played.") },
    },
  },
};
