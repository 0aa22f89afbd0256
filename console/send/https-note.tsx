/** Note on pages that were not loaded by HTTPS: which settings of the gateway make the sensors available. */

/** Renders the note. @param host host of the page, without its port */
export function HttpsNote({ host, port }: { readonly host: string; readonly port: string }) {
  const isAddress = /^[\d.]+$|^\[/.test(host);
  const subject = `subjectAltName=${isAddress ? "IP" : "DNS"}:${host.replace(/[[\]]/g, "")}`;
  return (
    <section class="card note-card" aria-labelledby="https">
      <h2 id="https">Camera, microphone, motion and position need HTTPS</h2>
      <p>
        Start the gateway with <code>TLS_CERT</code> and <code>TLS_KEY</code>, and open{" "}
        <code>
          https://{host}
          {port === "" ? "" : `:${port}`}/send
        </code>
        . Files can be sent now.
      </p>
      <details>
        <summary>With a certificate of your own</summary>
        <pre class="commands">
          openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=streamer -addext {subject} -keyout
          key.pem -out cert.pem
        </pre>
        <pre class="commands">HOST=0.0.0.0 TLS_CERT=cert.pem TLS_KEY=key.pem npm start</pre>
        <p>
          The phone warns of a certificate that it does not know. Accept it, or install <code>cert.pem</code>{" "}
          on the phone. If others use the network, set <code>AUTH=1</code>, too.
        </p>
      </details>
    </section>
  );
}
