/**
 * Sets `NODE_ENV=production` unless it is set: in development the GraphQL library checks every object twice. `main.ts`
 * imports this file first, because libraries read the variable when they are loaded.
 */
process.env.NODE_ENV ??= "production";
