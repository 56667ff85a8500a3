import { isIP } from "node:net";
import type { ConnectionOptions } from "mysql2";
import { ConfigurationError } from "../../core/errors.ts";

/** What a URL may say beyond its host, user and database, and nothing else: a driver's own options could undo what is promised. */
const KNOWN = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"] as const;
const SSL_MODES = ["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;

export type MysqlAddress = Pick<
  ConnectionOptions,
  "host" | "port" | "socketPath" | "user" | "password" | "database"
> & { readonly tls: MysqlTls | null };

/** How far the server's certificate is looked at, and the files that are needed for that. */
export type MysqlTls = {
  readonly mode: Exclude<(typeof SSL_MODES)[number], "DISABLED">;
  readonly files: { readonly [part in "ca" | "cert" | "key"]?: string };
};

export const isMysqlUrl = (text: unknown): text is string =>
  typeof text === "string" && URL.canParse(text) && /^(mysql|mariadb):$/.test(new URL(text).protocol);

/** @throws ConfigurationError for what is not known in a URL; never with its password. */
export const readMysqlUrl = (owner: string, text: string): MysqlAddress => {
  const url = new URL(text);
  for (const key of url.searchParams.keys())
    if (!KNOWN.some((known) => known === key))
      throw invalid(owner, `its URL says "${key}", which is not known`, `Known are: ${KNOWN.join(", ")}.`);
  const asked = (url.searchParams.get("ssl-mode") ?? "DISABLED").toUpperCase();
  const mode = SSL_MODES.find((known) => known === asked);
  if (mode === undefined)
    throw invalid(owner, `its URL says ssl-mode=${asked}`, `Take one of: ${SSL_MODES.join(", ")}.`);
  const database = decode(owner, url.pathname.slice(1));
  if (database === "")
    throw invalid(owner, "its URL names no database", "Write mysql://user:password@host/database.");
  const socketPath = url.searchParams.get("socket");
  // mysql2 looks at no certificate for the sake of an address, and says nothing of that.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost";
  if (mode === "VERIFY_IDENTITY" && (socketPath !== null || isIP(host) !== 0))
    throw invalid(
      owner,
      "its URL says ssl-mode=VERIFY_IDENTITY without a name to hold a certificate against",
      "Name the host as its certificate does, or take VERIFY_CA.",
    );
  return {
    ...(socketPath === null ? { host, port: Number(url.port || 3_306) } : { socketPath }),
    user: decode(owner, url.username),
    password: decode(owner, url.password),
    database,
    tls: mode === "DISABLED" ? null : { mode, files: filesOf(url.searchParams) },
  };
};

const filesOf = (params: URLSearchParams): MysqlTls["files"] =>
  Object.fromEntries(
    (["ca", "cert", "key"] as const).flatMap((part) => {
      const file = params.get(`ssl-${part}`);
      return file === null ? [] : [[part, file]];
    }),
  );

const decode = (owner: string, part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(owner, "its URL has a % that stands for nothing", "Write a % itself as %25.");
  }
};

const invalid = (owner: string, what: string, hint: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${owner}: ${what}.`, { hint });
