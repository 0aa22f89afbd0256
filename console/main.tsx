/** The console: what the gateway holds, live, in a browser. It stands on the client alone. */
import { render } from "preact";
import { connect } from "../client/browser.ts";
import { App } from "./app.tsx";
import { gatewayUrl } from "./urls.ts";
import "uplot/dist/uPlot.min.css";
import "./styles.css";

const root = document.getElementById("app");
if (root !== null) render(<App streamer={connect(gatewayUrl())} />, root);
