import { lookup as lookUp } from "node:dns/promises";
import { ConfigurationError } from "../../core/errors.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { checkOptions, positiveInteger, wholeNumber } from "../../definitions/known-options.ts";
import { parseHostList, type HostList } from "./host-list.ts";

/** All addresses of a host name; rejects when it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** What the model asks for. */
export type FetchInput = {
  readonly url: string;
  readonly method?: "GET" | "HEAD";
  /** Where in the text to begin, in characters. */
  readonly start?: number;
};

/** What a fetch tool may reach, and how much of it. */
export type FetchOptions = {
  /** `fetch_url` by default. */
  readonly name?: string;
  /** Told to the model, in place of the usual description. */
  readonly description?: string;
  /**
   * What may be fetched although it is not public, or not on one of `ports`: `"internal.example:8080"`, `"*.internal.example"`,
   * `"10.0.0.0/8"`, `"[fd00::1]:8080"`. A name is allowed wherever it leads, but for the metadata services of clouds; those
   * only by address. An entry without a port is for `ports`.
   */
  readonly allow?: readonly string[];
  /** What is never fetched, public or not; it wins over `allow`. */
  readonly deny?: readonly string[];
  /** When given, nothing but these hosts is fetched: `["example.com", "*.example.com"]`. Their addresses are judged as ever. */
  readonly allowHosts?: readonly string[];
  /** 80 and 443 by default. */
  readonly ports?: readonly number[];
  /** Longest body, in bytes, as it is sent and after it is unpacked; 2,000,000 by default. */
  readonly maxBytes?: number;
  /** Longest text given at once, in characters; 40,000 by default. The model may ask for what follows. */
  readonly maxChars?: number;
  /** 5 by default; 0 follows none. */
  readonly maxRedirects?: number;
  /** Longest time for all of it, in milliseconds; 30,000 by default. */
  readonly timeoutMs?: number;
  /**
   * What is done about a body that is no text, HTML, JSON or XML: refused (default), or saved to the workspace, under
   * `downloads/`. Saving makes the tool `idempotent` in place of `read`.
   */
  readonly otherTypes?: "refuse" | "save";
  /** The `User-Agent` header; `holdfast` by default. */
  readonly userAgent?: string;
  /** Finds the addresses of names in place of the system's resolver. What it answers is judged like any answer. */
  readonly lookup?: Lookup;
  readonly needsApproval?: ApprovalRule<FetchInput>;
};

/** The options, resolved. */
export type FetchSettings = {
  readonly allow: HostList;
  readonly deny: HostList;
  /** Null for any. */
  readonly only: HostList | null;
  readonly ports: readonly number[];
  readonly maxBytes: number;
  readonly maxChars: number;
  readonly maxRedirects: number;
  readonly savesOthers: boolean;
  readonly userAgent: string;
  readonly lookup: Lookup;
};

const KNOWN = [
  "name",
  "description",
  "allow",
  "deny",
  "allowHosts",
  "ports",
  "maxBytes",
  "maxChars",
  "maxRedirects",
  "timeoutMs",
  "otherTypes",
  "userAgent",
  "lookup",
  "needsApproval",
];

const OWNER = "fetchTool";

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveFetchOptions = (options: FetchOptions): FetchSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const list = (name: "allow" | "deny" | "allowHosts"): HostList =>
    parseHostList(options[name] ?? [], `${OWNER}: ${name}`);
  const ports = (options.ports ?? [80, 443]).map((port) => positiveInteger(OWNER, "ports", port));
  const otherTypes = options.otherTypes ?? "refuse";
  if (otherTypes !== "refuse" && otherTypes !== "save") throw invalid('"otherTypes" is "refuse" or "save".');
  const userAgent = options.userAgent ?? "holdfast";
  if (!/^[\x20-\x7e]{1,500}$/.test(userAgent))
    throw invalid('"userAgent" must be one line of plain letters.');
  return {
    allow: list("allow"),
    deny: list("deny"),
    only: options.allowHosts === undefined ? null : list("allowHosts"),
    ports,
    maxBytes: positiveInteger(OWNER, "maxBytes", options.maxBytes ?? 2_000_000),
    maxChars: positiveInteger(OWNER, "maxChars", options.maxChars ?? 40_000),
    maxRedirects: wholeNumber(OWNER, "maxRedirects", options.maxRedirects ?? 5),
    savesOthers: otherTypes === "save",
    userAgent,
    lookup: options.lookup ?? systemLookup,
  };
};

const invalid = (what: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: ${what}`);

const systemLookup: Lookup = async (hostname) =>
  (await lookUp(hostname, { all: true, order: "verbatim" })).map(({ address }) => address);
