/** Decoder of Foxglove's messages that is not ours: protobufjs with the advertised file descriptor sets. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";

/** Decodes a message with a schema. @param descriptorSet in base64 @returns its fields; defaults included */
export function decodeMessage(name: string, descriptorSet: string, message: Uint8Array) {
  const bytes = Buffer.from(descriptorSet, "base64");
  const root = protobuf.Root.fromDescriptor(bytes);
  const type = root.lookupType(name);
  return type.toObject(type.decode(message), { defaults: true, longs: Number });
}
