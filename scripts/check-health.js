// @ts-check
/** Health check of the container: exits with 0 if the gateway is ready, over HTTP or HTTPS. */
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";

const { PORT, TLS_CERT } = process.env;
const options = { host: "127.0.0.1", port: Number(PORT || 8000), path: "/readyz", timeout: 4000 };
/** @param {import("node:http").IncomingMessage} response */
const onResponse = ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1);
// The certificate is for the gateway's public name, and the request contains no secrets.
const request = TLS_CERT
  ? getHttps({ ...options, rejectUnauthorized: false }, onResponse)
  : getHttp(options, onResponse);
request.on("timeout", () => request.destroy());
request.on("error", () => process.exit(1));
