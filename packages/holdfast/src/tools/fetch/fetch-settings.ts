import { ConfigurationError } from "../../core/errors.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { checkOptions, positiveInteger, wholeNumber } from "../../definitions/known-options.ts";
import {
  NETWORK_OPTIONS,
  resolveNetworkOptions,
  type NetworkOptions,
  type NetworkRules,
} from "../../definitions/network-rules.ts";

/** What the model asks for. */
export type FetchInput = {
  readonly url: string;
  readonly method?: "GET" | "HEAD";
  /** Where in the text to begin, in characters. */
  readonly start?: number;
};

/** What a fetch tool may reach, and how much of it. */
export type FetchOptions = NetworkOptions & {
  /** `fetch_url` by default. */
  readonly name?: string;
  /** Told to the model, in place of the usual description. */
  readonly description?: string;
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
  readonly needsApproval?: ApprovalRule<FetchInput>;
};

/** The options, resolved. */
export type FetchSettings = {
  readonly network: NetworkRules;
  readonly maxBytes: number;
  readonly maxChars: number;
  readonly maxRedirects: number;
  readonly savesOthers: boolean;
  readonly userAgent: string;
};

const KNOWN = [
  "name",
  "description",
  ...NETWORK_OPTIONS,
  "maxBytes",
  "maxChars",
  "maxRedirects",
  "timeoutMs",
  "otherTypes",
  "userAgent",
  "needsApproval",
];

const OWNER = "fetchTool";

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveFetchOptions = (options: FetchOptions): FetchSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const otherTypes = options.otherTypes ?? "refuse";
  if (otherTypes !== "refuse" && otherTypes !== "save") throw invalid('"otherTypes" is "refuse" or "save".');
  const userAgent = options.userAgent ?? "holdfast";
  if (!/^[\x20-\x7e]{1,500}$/.test(userAgent))
    throw invalid('"userAgent" must be one line of plain letters.');
  return {
    network: resolveNetworkOptions(options, { owner: OWNER, verb: "fetched" }),
    maxBytes: positiveInteger(OWNER, "maxBytes", options.maxBytes ?? 2_000_000),
    maxChars: positiveInteger(OWNER, "maxChars", options.maxChars ?? 40_000),
    maxRedirects: wholeNumber(OWNER, "maxRedirects", options.maxRedirects ?? 5),
    savesOthers: otherTypes === "save",
    userAgent,
  };
};

const invalid = (what: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: ${what}`);
