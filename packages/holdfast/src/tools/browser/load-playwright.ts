import type { BrowserType } from "playwright-core";
import { BrowserUnavailableError } from "./browser-unavailable.ts";

/** What drives Chromium, loaded when the first page is opened. @throws BrowserUnavailableError when its package is not installed. */
export const loadPlaywright = async (): Promise<BrowserType> => {
  try {
    const { chromium } = await import("playwright-core");
    return chromium;
  } catch (cause) {
    throw new BrowserUnavailableError("the package playwright-core cannot be loaded.", {
      hint: "Run: npm i playwright-core@1",
      cause,
    });
  }
};
