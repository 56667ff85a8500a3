import { existsSync } from "node:fs";
import { BrowserUnavailableError } from "./browser-unavailable.ts";

/** Where Chromium and Chrome usually are. */
const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/opt/google/chrome/chrome",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
];

/** The program of the browser. @throws BrowserUnavailableError that names the package when there is none. */
export const findBrowser = (
  executablePath: string | null,
  usualPaths: readonly string[] = USUAL_PATHS,
): string => {
  if (executablePath !== null) {
    if (existsSync(executablePath)) return executablePath;
    throw new BrowserUnavailableError(`nothing is at ${executablePath}.`, {
      hint: 'Correct "executablePath" of browserTools, or leave it out to have the usual places searched.',
    });
  }
  const found = usualPaths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new BrowserUnavailableError("Chromium is missing, of the package chromium.", {
    hint: 'Install it: apt-get install chromium. One elsewhere is named by "executablePath" of browserTools.',
  });
};
