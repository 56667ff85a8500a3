import { checkHost } from "../../definitions/network-rules.ts";
import { refused } from "../../definitions/refused.ts";
import type { FetchSettings } from "./fetch-settings.ts";

/** Longest URL that is fetched, in characters. */
const MAX_URL_CHARS = 8_000;

/**
 * Reads a URL and judges what can be judged before any name is looked up: scheme, credentials, port, and the lists of hosts.
 * Where the name leads is judged when it is connected to.
 *
 * @throws ToolError when it is not to be fetched.
 */
export const checkUrl = (text: string, settings: FetchSettings, base?: URL): URL => {
  const url = text.length > MAX_URL_CHARS ? null : URL.parse(text, base?.href);
  if (url === null)
    throw refused("url", "This is not a complete URL. Give one like https://example.com/page.");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refused("url", `Only http and https URLs can be fetched, not ${url.protocol}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refused("url", "A URL with a user name or password in it is not fetched. Leave them out.");
  }
  if (url.hostname === "") throw refused("url", "This URL names no host.");
  checkHost({ host: hostOf(url), port: portOf(url) }, settings.network);
  // The part behind # is the reader's own, and is never sent.
  url.hash = "";
  return url;
};

const portOf = (url: URL): number =>
  url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);

/** The host of a URL without the brackets of an IPv6 address. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, "$1");
