import { ConfigurationError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { parseHostList, type HostList } from "../../definitions/host-list.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import {
  NETWORK_OPTIONS,
  resolveNetworkOptions,
  type NetworkOptions,
  type NetworkRules,
} from "../../definitions/network-rules.ts";

/** The tools, in the order in which they are given; each is called `browser_` and this. */
export const BROWSER_TOOLS = [
  "open",
  "snapshot",
  "click",
  "fill",
  "select",
  "press",
  "wait",
  "back",
  "screenshot",
  "download",
] as const;

export type BrowserToolName = (typeof BROWSER_TOOLS)[number];

/** What a browser may reach, and how far it may go. */
export type BrowserToolsOptions = NetworkOptions & {
  /** Some of the tools; all by default. */
  readonly tools?: readonly BrowserToolName[];
  /** The program of Chromium or Chrome; searched for in the usual places by default. */
  readonly executablePath?: string;
  /** Longest view of a page given at once, in characters; 20,000 by default. The model may ask for what follows. */
  readonly maxChars?: number;
  /** Most bytes of one file that is downloaded; 20,000,000 by default. */
  readonly maxDownloadBytes?: number;
  /** Most bytes that the pages of a session may be sent while its browser is open; 500,000,000 by default. */
  readonly maxReceivedBytes?: number;
  /** Longest time for a page to begin to show, and then to be read to its end, in milliseconds; 20,000 by default. */
  readonly loadTimeoutMs?: number;
  /** Longest time for an element to be ready for what is to be done with it, in milliseconds; 5,000 by default. */
  readonly actionTimeoutMs?: number;
  /** Size of the window, in pixels; 1280 × 800 by default. */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** The `User-Agent` header; the browser's own by default. */
  readonly userAgent?: string;
  /**
   * Secrets of the runtime that the model may have typed into a page by their names, without seeing them, and the hosts on whose
   * pages: `{ SHOP_PASSWORD: ["shop.example.com"] }`.
   */
  readonly secrets?: Readonly<Record<string, readonly string[]>>;
  /** What calls of a tool do to the world, where you know it better: `{ fill: "idempotent" }`. */
  readonly effects?: Partial<Readonly<Record<BrowserToolName, ToolEffect>>>;
  /** Which calls somebody has to approve: `{ click: true }`, or as the input says. */
  readonly needsApproval?: Partial<Readonly<Record<BrowserToolName, ApprovalRule<JsonObject>>>>;
};

/** The options, resolved. */
export type BrowserSettings = {
  readonly network: NetworkRules;
  readonly executablePath: string | null;
  readonly maxChars: number;
  readonly maxDownloadBytes: number;
  readonly maxReceivedBytes: number;
  readonly loadTimeoutMs: number;
  readonly actionTimeoutMs: number;
  readonly viewport: { readonly width: number; readonly height: number };
  readonly userAgent: string | null;
  readonly secrets: ReadonlyMap<string, HostList>;
};

const KNOWN = [
  ...NETWORK_OPTIONS,
  "tools",
  "executablePath",
  "maxChars",
  "maxDownloadBytes",
  "maxReceivedBytes",
  "loadTimeoutMs",
  "actionTimeoutMs",
  "viewport",
  "userAgent",
  "secrets",
  "effects",
  "needsApproval",
];

const OWNER = "browserTools";

/** @throws ConfigurationError when an option does not exist or is not usable. */
export const resolveBrowserOptions = (options: BrowserToolsOptions): BrowserSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  checkNames("effects", options.effects ?? {});
  checkNames("needsApproval", options.needsApproval ?? {});
  const { width, height } = options.viewport ?? { width: 1280, height: 800 };
  const number = (name: string, given: number | undefined, usual: number): number =>
    positiveInteger(OWNER, name, given ?? usual);
  return {
    network: resolveNetworkOptions(options, { owner: OWNER, verb: "opened" }),
    executablePath: options.executablePath ?? null,
    maxChars: number("maxChars", options.maxChars, 20_000),
    maxDownloadBytes: number("maxDownloadBytes", options.maxDownloadBytes, 20_000_000),
    maxReceivedBytes: number("maxReceivedBytes", options.maxReceivedBytes, 500_000_000),
    loadTimeoutMs: number("loadTimeoutMs", options.loadTimeoutMs, 20_000),
    actionTimeoutMs: number("actionTimeoutMs", options.actionTimeoutMs, 5_000),
    viewport: { width: number("viewport", width, 1280), height: number("viewport", height, 800) },
    userAgent: options.userAgent ?? null,
    secrets: new Map(
      Object.entries(options.secrets ?? {}).map(([name, hosts]) => [
        name,
        parseHostList(hosts, `${OWNER}: secrets: ${name}`),
      ]),
    ),
  };
};

/** The tools that were asked for, each once. @throws ConfigurationError when one of them does not exist. */
export const chosenTools = ({ tools }: BrowserToolsOptions): readonly BrowserToolName[] => {
  if (tools === undefined) return BROWSER_TOOLS;
  const given: readonly unknown[] = Array.isArray(tools) ? tools : [];
  const chosen = BROWSER_TOOLS.filter((name) => given.includes(name));
  if (chosen.length > 0 && chosen.length === given.length) return chosen;
  throw unknownTool("tools");
};

const checkNames = (option: string, given: object): void => {
  const names: readonly string[] = BROWSER_TOOLS;
  if (Object.keys(given).some((name) => !names.includes(name))) throw unknownTool(option);
};

const unknownTool = (option: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: "${option}" names a tool that there is not.`, {
    hint: `Tools are: ${BROWSER_TOOLS.join(", ")}.`,
  });
