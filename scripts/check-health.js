// @ts-check
/** The container's health check: exits with 0 while the gateway in it is ready, whether it speaks http or https. */
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";

const { PORT, TLS_CERT } = process.env;
const options = { host: "127.0.0.1", port: Number(PORT || 8000), path: "/readyz", timeout: 4000 };
/** @param {import("node:http").IncomingMessage} answer */
const judge = ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1);
// The certificate is for the gateway's public name, and nothing secret is sent to it.
const request = TLS_CERT
  ? getHttps({ ...options, rejectUnauthorized: false }, judge)
  : getHttp(options, judge);
request.on("timeout", () => request.destroy());
request.on("error", () => process.exit(1));
