/** A page of another site that tries every way to use a gateway: `attack(url)` returns the results. */
export const HOSTILE_PAGE = `<!doctype html>
<title>a page that means harm</title>
<body></body>
<script>
async function attack(http) {
  const ws = http.replace("http", "ws");
  const attempt = async (act) => act().catch(() => "rejected");
  const element = (tag, url) =>
    new Promise((resolve) => {
      const one = document.createElement(tag);
      one.onload = () => resolve("shown");
      one.onerror = () => resolve("rejected");
      one.src = url;
      document.body.append(one);
    });
  const socket = (url, message) =>
    new Promise((resolve) => {
      const one = new WebSocket(url);
      one.onopen = () => message !== undefined && one.send(message);
      one.onmessage = () => resolve("received");
      one.onclose = () => resolve("rejected");
    });
  const events = (url) =>
    new Promise((resolve) => {
      const one = new EventSource(url);
      one.onmessage = () => resolve("received");
      one.onerror = () => {
        one.close();
        resolve("rejected");
      };
    });
  const form = () =>
    new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.name = "target";
      document.body.append(frame);
      const one = document.createElement("form");
      one.method = "post";
      one.enctype = "text/plain";
      one.action = \`\${http}/data/pushed\`;
      one.target = "target";
      one.innerHTML = '<input name="a" value="b">';
      document.body.append(one);
      frame.onload = () => setTimeout(() => resolve("sent"), 0);
      one.submit();
    });
  const secret = \`\${http}/data/secret\`;
  return {
    fetch: await attempt(async () => (await fetch(\`\${secret}?last_entry_id=0\`)).text()),
    entries: await attempt(async () => (await fetch(\`\${secret}/entries\`)).text()),
    metrics: await attempt(async () => (await fetch(\`\${http}/metrics\`)).text()),
    img: await element("img", \`\${secret}?last_entry_id=0\`),
    script: await element("script", \`\${secret}?last_entry_id=0&format=json\`),
    events: await events(\`\${secret}/events?last_entry_id=0\`),
    pull: await socket(\`\${ws}/data/secret/pull?last_entry_id=0\`),
    push: await socket(\`\${ws}/data/pushed/push?header=0&ack=1\`, "x"),
    post: await attempt(async () =>
      (await fetch(\`\${http}/data/pushed\`, { method: "POST", body: "x" })).text(),
    ),
    blindPost: await attempt(async () => {
      await fetch(\`\${http}/data/pushed\`, { method: "POST", mode: "no-cors", body: "x" });
      return "sent";
    }),
    flush: await attempt(async () => {
      const body = '{"query":"mutation{flush}"}';
      await fetch(\`\${http}/graphql\`, { method: "POST", mode: "no-cors", body });
      return "sent";
    }),
    form: await form(),
  };
}
</script>`;
