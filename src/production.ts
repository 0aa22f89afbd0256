/**
 * Says that this is no development, unless somebody said otherwise: the GraphQL library checks each of a thousand
 * objects twice where it is. It has to come before anything that looks, so it is the first thing imported.
 */
process.env.NODE_ENV ??= "production";
