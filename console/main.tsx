/** Entry point of the console, a web page that displays streams live. It uses only the public client. */
import { render } from "preact";
import { connect } from "../client/browser.ts";
import { App } from "./app.tsx";
import { gatewayUrl } from "./page/urls.ts";
import "./design/tokens.css";
import "./design/base.css";
import "./styles.css";

const root = document.getElementById("app");
if (root !== null) render(<App streamer={connect(gatewayUrl())} />, root);
