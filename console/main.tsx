/** The console: what the gateway holds, live, in a browser. It stands on the client alone. */
import { render } from "preact";
import { connect } from "../client/browser.ts";
import { App } from "./app.tsx";
import "uplot/dist/uPlot.min.css";
import "./styles.css";

const root = document.getElementById("app");
// The gateway may stand behind a path, so its address is where this page is.
if (root !== null) render(<App streamer={connect(new URL(".", location.href).href)} />, root);
