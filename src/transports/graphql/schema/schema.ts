/** The schema, topic by topic. */
import type { GraphQLSchema } from "graphql";
import { addAppend } from "./append.ts";
import { createBuilder } from "./builder.ts";
import { addDataSubscriptions } from "./data-subscriptions.ts";
import { addDevices } from "./devices.ts";
import { addEntries } from "./entries.ts";
import { addDeviceEvents, addMetaEvents } from "./event-subscriptions.ts";
import { addDeviceMutations, addStreamMutations } from "./mutations.ts";
import { addServerInfo } from "./server-info.ts";
import { addStreamQueries, addStreamType } from "./streams.ts";

/** Builds the schema. @param withDevices false: keys carry no device, and nothing in the schema speaks of any */
export function buildSchema(withDevices: boolean): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: "What there is." });
  builder.mutationType({ description: "What clients change." });
  builder.subscriptionType({ description: "What happens, as it happens." });

  const { entry, connection } = addEntries(builder);
  const stream = addStreamType(builder, connection);
  if (withDevices) addDevices(builder, stream);
  addStreamQueries(builder, stream);
  addServerInfo(builder);

  if (withDevices) addDeviceMutations(builder);
  addStreamMutations(builder, withDevices);
  addAppend(builder, withDevices);

  addDataSubscriptions(builder, entry, withDevices);
  if (withDevices) addDeviceEvents(builder);
  addMetaEvents(builder, withDevices);
  return builder.toSchema();
}
