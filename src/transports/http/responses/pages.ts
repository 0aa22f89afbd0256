/** Built-in pages: `/` without the console, and the login page. They work without scripts; their policy allows only their style. */

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}code{font-size:.9em}input{font:inherit;width:100%;box-sizing:border-box}button{font:inherit}";

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<h1>${title}</h1>
${body}
</html>
`;

/** Returns the page at `/`, for a gateway without the console. @param links paths by label */
export function homePage(about: string, version: string, links: Readonly<Record<string, string>>): string {
  const items = Object.entries(links).map(([name, href]) => `<li><a href="${href}">${name}</a></li>`);
  return page(
    "Redis Streamer",
    `<p>${about}, version ${version}.</p>
<ul>
<li>send: <code>ws://…/data/{stream_id}/push</code> or <code>POST /data/{stream_id}</code></li>
<li>receive: <code>ws://…/data/{stream_id}/pull</code>, <code>GET /data/{stream_id}</code>, <code>…/events</code>, <code>…/mjpeg</code>, <code>…/entries</code></li>
</ul>
<ul>
${items.join("\n")}
</ul>`,
  );
}

/**
 * Adds the URL fragment to the page to return to. Browsers do not send fragments, but links to a stream in the console
 * (`/#open=…`) contain one.
 */
const KEEP_FRAGMENT =
  'const next = document.querySelector("[name=next]"); if (!next.value.includes("#")) next.value += location.hash;';

/** Returns the login form. @param next path to redirect to @param problem error of the last attempt, or "" */
export function loginPage(pathPrefix: string, next: string, problem: string): string {
  return page(
    "Redis Streamer",
    `<form method="post" action="${pathPrefix}/login">
<p><label>Key or token <input type="password" name="token" autocomplete="current-password" required autofocus></label></p>
<input type="hidden" name="next" value="${escaped(next)}">
<p><button>Log in</button></p>
${problem === "" ? "" : `<p role="alert">${escaped(problem)}</p>`}
</form>
<script>${KEEP_FRAGMENT}</script>`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (one) => ENTITIES[one] ?? one);
