/** Code samples that read a stream, in Python, JavaScript and a shell. */
import { CopyButton } from "../design/copy-button.tsx";
import type { StreamName } from "../page/stream-name.ts";
import { gatewayUrl } from "../page/urls.ts";
import type { ToolProps } from "./tool-props.ts";

/** Returns the sample of each language. @param base URL of the gateway, without a trailing slash */
export function codeLines(
  { stream, device }: StreamName,
  base: string,
): readonly (readonly [string, string])[] {
  const path = `data/${encoded(stream)}`;
  const query = device === undefined || device === "default" ? "" : `device_id=${encoded(device)}&`;
  const options = device === undefined ? "" : `, { device: ${JSON.stringify(device)} }`;
  const python = JSON.stringify(`${base}/${path}?${query}last_entry_id=0&latest=1`);
  return [
    ["Python", `import requests; print(requests.get(${python}).content)`],
    [
      "JavaScript",
      `import { connect } from "redis-streamer/client"; for await (const entry of connect(${JSON.stringify(base)}).pull([${JSON.stringify(stream)}]${options})) console.log(entry.id, entry.data);`,
    ],
    ["curl", `curl -N '${base}/${path}/events?${query}last_entry_id=0'`],
  ];
}

/** Encodes a name. A single quote would end the string of the shell. */
const encoded = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");

/** Renders the samples, each with a copy button. */
export function CodeLines({ name }: ToolProps) {
  const base = gatewayUrl().replace(/\/$/, "");
  return (
    <>
      {codeLines(name, base).map(([language, line]) => (
        <div key={language} class="code">
          <strong>{language}</strong> <code>{line}</code>{" "}
          <CopyButton text={() => line} name={`Copy the ${language} sample`} />
        </div>
      ))}
    </>
  );
}
