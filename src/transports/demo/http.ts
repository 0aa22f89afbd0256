/** HTTP routes of the demo device (docs/protocol.md, "The demo device"). */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { authorize, may } from "../../access/identity/authorize.ts";
import { ownerOf } from "../../access/owner.ts";
import { badParameter, GatewayError } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";
import { checkName } from "../../domain/streams/stream-name.ts";
import type { TransportParts } from "../parts.ts";
import { bodyOf, checkMembers, optionalText } from "../request/json-body.ts";
import { type Demo, demoKeys } from "./demo-status.ts";

/** Device of a request without a body. */
const DEFAULT = "rover";

/** Returns the function that adds the routes. @param isEnabled `DEMO` */
export const demoRoutes =
  ({ access, config }: TransportParts, demo: Demo, isEnabled: boolean) =>
  (app: FastifyInstance): void => {
    app.post("/demo", async (request, reply) => {
      const { visitor, body } = request;
      // Before the request counts towards any limit.
      if (!isEnabled)
        throw new GatewayError("NOT_ENABLED", "the demo device is disabled; set DEMO=1 to enable it");
      const device = readDevice(Buffer.isBuffer(body) ? body.toString() : "", config.maxNameBytes);
      const keys = demoKeys(device);
      authorize(visitor.identity, "write", keys);
      await authorizePresent(request);
      for (const key of keys) access.limits.useStream(visitor, key);
      return reply
        .code(201)
        .header("location", `${config.pathPrefix}/demo`)
        .send(await demo.start(device, ownerOf(visitor)));
    });

    app.get("/demo", { exposeHeadRoute: true }, async (request, reply) => {
      const present = await demo.status();
      const isVisible = present?.streams.every((key) => may(request.visitor.identity, "read", key));
      return reply
        .header("cache-control", "no-store")
        .send({ enabled: isEnabled, device: isVisible ? present : null });
    });

    app.delete("/demo", async (request, reply) => {
      await authorizePresent(request);
      await demo.stop();
      return reply.code(204).send();
    });

    /** Checks that the client may end the present device. @throws GatewayError FORBIDDEN */
    async function authorizePresent({ visitor }: FastifyRequest): Promise<void> {
      const present = await demo.status();
      // One that has failed may be replaced by any client.
      authorize(visitor.identity, "write", present?.state === "playing" ? present.streams : []);
    }
  };

/** Returns the device id of a body, which may be empty. @throws GatewayError BAD_BODY or BAD_PARAMETER */
function readDevice(text: string, maxNameBytes: number): string {
  const body = bodyOf(text === "" ? "{}" : text, '{"device": "rover"}');
  checkMembers(body, ["device"]);
  const device = optionalText(body, "device") ?? DEFAULT;
  checkName("device", device, maxNameBytes);
  if (device === "" || device.includes("*"))
    throw badParameter("device", `must be a device id, such as rover, got ${shown(device)}`);
  return device;
}
