import type { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import type { RetryPolicy } from "../../core/retry-policy.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { Browsers } from "./browsers.ts";
import type { BrowserSession } from "./browser-session.ts";
import type { BrowserSettings, BrowserToolName, BrowserToolsOptions } from "./browser-settings.ts";

/** What tools of one set are made of. */
export type Making = {
  readonly browsers: Browsers;
  readonly settings: BrowserSettings;
  readonly options: BrowserToolsOptions;
};

export type BrowserToolParts<Input extends z.ZodType> = {
  readonly name: BrowserToolName;
  readonly description: string;
  readonly input: Input;
  readonly effect: ToolEffect;
  readonly retry?: Partial<RetryPolicy>;
  readonly execute: (input: z.infer<Input>, session: BrowserSession, call: ToolContext) => Promise<string>;
};

/** The browser may have to be started, what is asked for waits in turn, and files take their time. */
const BESIDE_LOADING_MS = 120_000;
const HEADER_CHARS = 10_000;

/** Makes one of the tools. The driver's own limits end what takes too long; the engine's comes only after them. */
export const defineBrowserTool = <Input extends z.ZodType>(
  { browsers, settings, options }: Making,
  { name, description, input, effect, retry, execute }: BrowserToolParts<Input>,
): DefinedTool => {
  const needsApproval = options.needsApproval?.[name];
  return defineTool()({
    name: `browser_${name}`,
    description,
    inputSchema: input,
    effect: options.effects?.[name] ?? effect,
    timeoutMs: settings.loadTimeoutMs * 2 + settings.actionTimeoutMs * 4 + BESIDE_LOADING_MS,
    maxOutputChars: settings.maxChars + HEADER_CHARS,
    resource: browsers,
    ...(retry === undefined ? {} : { retry }),
    ...(needsApproval === undefined
      ? {}
      : {
          needsApproval:
            typeof needsApproval === "function"
              ? (given, context) => needsApproval(given as JsonObject, context)
              : needsApproval,
        }),
    execute: (given, call) =>
      browsers.use(call, (session) => execute(given as z.infer<Input>, session, call)),
  }) as DefinedTool;
};
