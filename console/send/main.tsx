/** Entry point of `/send`, a page that sends the sensors of a phone as streams. It uses only the public client. */
import { render } from "preact";
import { connect } from "../../client/browser.ts";
import { watchTheme } from "../page/theme.ts";
import { gatewayUrl } from "../page/urls.ts";
import { SendView } from "./send-view.tsx";
import { openSenderPage } from "./sender-page.ts";
import "../design/tokens.css";
import "../design/base.css";
import "../design/controls.css";
import "./send.css";

const root = document.getElementById("app");
if (root !== null) {
  watchTheme();
  render(<SendView page={openSenderPage(connect(gatewayUrl()))} />, root);
}
