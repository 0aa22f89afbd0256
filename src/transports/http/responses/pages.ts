/** Built-in pages: `/` without the console, and the login page. They work without scripts; their policy allows only their style. */

/** Colours and logo of the console (`console/design`). */
const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif;
  --text: light-dark(#141a22, #e4e9f0); --muted: light-dark(#505c6b, #98a5b5); --edge: light-dark(#dde3ea, #252d38);
  --field: light-dark(#868f9b, #647080); --accent: light-dark(#1456c4, #7fb0ff) }
body { background: light-dark(#eceff3, #0b0e13); color: var(--text); margin: 0; padding: 12vh 16px 16px }
main { background: light-dark(#ffffff, #12161d); border: 1px solid var(--edge); border-radius: 10px; box-sizing: border-box;
  margin: auto; max-width: var(--width); padding: 24px 28px }
h1 { align-items: center; display: flex; font-size: 20px; gap: 10px; margin: 0 0 16px }
svg { fill: var(--accent); height: 26px; stroke: var(--accent); stroke-linecap: round; stroke-width: 2; width: 26px }
label { color: var(--muted) }
input { background: none; border: 1px solid var(--field); border-radius: 6px; box-sizing: border-box; color: var(--text);
  display: block; font: inherit; margin-top: 4px; padding: 7px 10px; width: 100% }
button { background: light-dark(#1a5fd6, #2f6fdf); border: 0; border-radius: 6px; color: #fff; cursor: pointer; font: inherit;
  font-weight: 600; padding: 8px; width: 100% }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
[role=alert] { color: light-dark(#b3202f, #ff8f8a); overflow-wrap: anywhere }
a { color: var(--accent) }
code { font-size: 0.9em; overflow-wrap: anywhere }
p { margin: 12px 0 0 }
`;

const LOGO =
  '<svg viewBox="0 0 20 20" aria-hidden="true"><path fill="none" d="M2 5h9M2 10h14M2 15h6"/><circle cx="15" cy="5" r="2"/><circle cx="12" cy="15" r="2"/></svg>';

/** @param width maximum width of its content */
const page = (title: string, width: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE.replace("var(--width)", width)}</style>
<main>
<h1>${LOGO} ${title}</h1>
${body}
</main>
</html>
`;

/** Returns the page at `/`, for a gateway without the console. @param links paths by label */
export function homePage(about: string, version: string, links: Readonly<Record<string, string>>): string {
  const items = Object.entries(links).map(([name, href]) => `<li><a href="${href}">${name}</a></li>`);
  return page(
    "Redis Streamer",
    "42rem",
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
    "24rem",
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
