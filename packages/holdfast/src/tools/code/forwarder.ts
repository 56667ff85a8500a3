/** Where programs in a sandbox find the proxy. */
const PORT = 3_128;

/** What the socket of the proxy is called in there. */
export const PROXY_INSIDE = "/code/network";

/**
 * Runs in a sandbox that has a way out, under Node: what connects to its port is put through to the socket of the proxy, which is
 * outside and lets through what it was told to. Whoever waits for it reads that it is ready, and then the end of what it prints.
 */
export const FORWARDER = `
const { closeSync, writeSync } = require("node:fs");
const { connect, createServer } = require("node:net");
const { pipeline } = require("node:stream");
const ignore = () => undefined;
const server = createServer({ allowHalfOpen: true }, (inside) => {
  const outside = connect({ path: "${PROXY_INSIDE}", allowHalfOpen: true });
  pipeline(inside, outside, ignore);
  pipeline(outside, inside, ignore);
});
server.listen(${PORT}, "127.0.0.1", () => {
  writeSync(1, "ready");
  closeSync(1);
});
`;

const URL_INSIDE = `http://127.0.0.1:${PORT}`;
/** What a program serves to itself does not go through the proxy. */
const DIRECT = "localhost,127.0.0.1,::1";

/** How programs are told: there are as many ways of writing it as programs. */
export const PROXY_ENVIRONMENT: Readonly<Record<string, string>> = {
  HTTP_PROXY: URL_INSIDE,
  HTTPS_PROXY: URL_INSIDE,
  ALL_PROXY: URL_INSIDE,
  NO_PROXY: DIRECT,
  http_proxy: URL_INSIDE,
  https_proxy: URL_INSIDE,
  all_proxy: URL_INSIDE,
  no_proxy: DIRECT,
  // Node asks for it by itself only when it is told to.
  NODE_USE_ENV_PROXY: "1",
};

/** Certificates of authorities, where distributions have them; nothing else of `/etc`. */
export const CERTIFICATE_FILES: readonly string[] = [
  "/etc/ssl/certs",
  "/etc/ssl/cert.pem",
  "/etc/ssl/openssl.cnf",
  "/etc/pki/tls/certs",
  "/etc/pki/ca-trust/extracted",
  "/etc/ca-certificates/extracted",
];

/** Starts the forwarder, waits until it listens, and becomes what is to run. The forwarder is nobody's child then. */
export const WITH_FORWARDER = `
ready=$(/code/node --max-old-space-size=64 --v8-pool-size=1 /code/forward.js </dev/null 2>/dev/null &)
[ "$ready" = ready ] && exec "$@"
echo "The way to the network could not be opened. Nothing was run." >&2
exit 125
`;
