/** Codec of Foxglove's messages that is not ours: protobufjs with the advertised file descriptor sets. */
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";

/** Decodes a message with a schema. @param descriptorSet in base64 @returns its fields; defaults included */
export function decodeMessage(name: string, descriptorSet: string, message: Uint8Array) {
  const type = typeOf(name, descriptorSet);
  return type.toObject(type.decode(message), { defaults: true, longs: Number });
}

/** Encodes a message with a schema. @param descriptorSet in base64 */
export const encodeMessage = (name: string, descriptorSet: string, fields: Record<string, unknown>) =>
  typeOf(name, descriptorSet).encode(fields).finish();

const typeOf = (name: string, descriptorSet: string) =>
  protobuf.Root.fromDescriptor(Buffer.from(descriptorSet, "base64")).lookupType(name);
