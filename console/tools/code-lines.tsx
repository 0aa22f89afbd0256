/** The lines that read this stream in Python, JavaScript and a shell. */
import { useSignal } from "@preact/signals";
import type { StreamName } from "../feed.ts";
import type { ToolProps } from "../stream-tools.tsx";
import { gatewayUrl } from "../urls.ts";

/** The line of each language. @param base the gateway's address, without a slash at its end */
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

/** A quote would end the shell's. */
const encoded = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");

/** The lines, each with a button that copies it. */
export function CodeLines({ name }: ToolProps) {
  const said = useSignal("");
  const base = gatewayUrl().replace(/\/$/, "");
  return (
    <>
      {codeLines(name, base).map(([language, line]) => (
        <div key={language} class="code">
          <strong>{language}</strong> <code>{line}</code>{" "}
          <button
            type="button"
            aria-label={`Copy the ${language} line`}
            onClick={() =>
              navigator.clipboard.writeText(line).then(
                () => (said.value = `The ${language} line is copied.`),
                () => (said.value = "The browser does not let this page copy: select the line instead."),
              )
            }
          >
            Copy
          </button>
        </div>
      ))}
      <p role="status">{said}</p>
    </>
  );
}
