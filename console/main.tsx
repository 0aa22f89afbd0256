/** Entry point of the console, a web page that displays streams live. It uses only the public client. */
// First, so that the style sheets of the parts, which they import themselves, take precedence.
import "./design/tokens.css";
import "./design/base.css";
import "./design/controls.css";
import "./design/blocks.css";
import "./design/line-colours.css";
import { render } from "preact";
import { connect } from "../client/browser.ts";
import { App } from "./app.tsx";
import { gatewayUrl } from "./page/urls.ts";

const root = document.getElementById("app");
if (root !== null) render(<App streamer={connect(gatewayUrl())} />, root);
