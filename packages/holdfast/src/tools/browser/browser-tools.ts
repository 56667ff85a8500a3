import type { DefinedTool } from "../../definitions/define-tool.ts";
import { clickTool, fillTool, pressTool, selectTool } from "./act-tools.ts";
import { backTool } from "./back-tool.ts";
import { Browsers } from "./browsers.ts";
import {
  chosenTools,
  resolveBrowserOptions,
  type BrowserToolName,
  type BrowserToolsOptions,
} from "./browser-settings.ts";
import type { Making } from "./define-browser-tool.ts";
import { downloadTool } from "./download-tool.ts";
import { screenshotTool, snapshotTool, waitTool } from "./look-tools.ts";
import { openTool } from "./open-tool.ts";

const MAKERS: Readonly<Record<BrowserToolName, (making: Making) => DefinedTool>> = {
  open: openTool,
  snapshot: snapshotTool,
  click: clickTool,
  fill: fillTool,
  select: selectTool,
  press: pressTool,
  wait: waitTool,
  back: backTool,
  screenshot: screenshotTool,
  download: downloadTool,
};

/**
 * Tools with which an agent uses a browser: Chromium, started when the first page is opened and ended with the last session that
 * has one. Each session has cookies, storage and pages of its own, and gets them again when it goes on. Whatever its pages ask
 * for goes through a proxy that lets nothing through but what the options allow, by default the public internet.
 *
 * @throws ConfigurationError when an option does not exist or is not usable.
 * @example
 * const tools = browserTools({ allowHosts: ["shop.example.com"], needsApproval: { click: true } });
 */
export const browserTools = (options: BrowserToolsOptions = {}): readonly DefinedTool[] => {
  const settings = resolveBrowserOptions(options);
  const browsers = new Browsers(settings);
  return chosenTools(options).map((name) => MAKERS[name]({ browsers, settings, options }));
};
