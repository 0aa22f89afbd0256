/** GraphQL schema of the gateway. */
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

/** Builds the schema. @param withDevices false if keys have no device prefix; the schema then has no devices */
export function buildSchema(withDevices: boolean): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: "Reads devices, streams and entries." });
  builder.mutationType({ description: "Appends entries; changes devices, metadata and streams." });
  builder.subscriptionType({ description: "Delivers entries and events as they occur." });

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
