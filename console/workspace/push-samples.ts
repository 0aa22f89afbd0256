/** Commands that push a first entry. */

/** A command in one language. */
export interface PushSample {
  readonly language: "Python" | "JavaScript" | "curl";
  readonly text: string;
}

/** Returns the commands. @param url of the gateway, with a trailing slash @param hasLogin whether clients need a key */
export function pushSamples(url: string, hasLogin: boolean): readonly PushSample[] {
  const to = `${url}data/my-stream`;
  const token = "Bearer YOUR_KEY";
  const python = hasLogin ? `, headers={"Authorization": "${token}"}` : "";
  const javascript = hasLogin ? `, headers: { Authorization: "${token}" }` : "";
  const curl = hasLogin ? `-H 'Authorization: ${token}' ` : "";
  return [
    { language: "curl", text: `curl ${curl}--data-binary hello ${to}` },
    { language: "Python", text: `import requests; requests.post("${to}", data="hello"${python})` },
    { language: "JavaScript", text: `await fetch("${to}", { method: "POST", body: "hello"${javascript} })` },
  ];
}
