import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { ToolError } from "../../core/errors.ts";
import type { Logger } from "../../ports/tool.ts";
import { BrowserKeeper } from "./browser-keeper.ts";
import type { BrowserSettings } from "./browser-settings.ts";
import { findBrowser } from "./find-browser.ts";
import { loadPlaywright } from "./load-playwright.ts";
import { textOf } from "./page-failure.ts";

/** A browser in processes of its own, which do not outlive this one (R3). */
export type BrowserProcess = {
  readonly browser: Browser;
  /** Kills it. Never rejects. */
  readonly close: () => Promise<void>;
};

const START_MS = 30_000;

/** Where the network of pages without a proxy of their own would lead: nowhere. There are no such pages. */
const NOWHERE = { server: "http://127.0.0.1:1", bypass: "<-loopback>" };

/**
 * That nothing goes past the proxy: no name is looked up by the browser itself, no connection is made but to this machine, where
 * the proxy is, and WebRTC and QUIC send no UDP.
 */
const NOTHING_BESIDE_THE_PROXY = [
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
  "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
  "--webrtc-ip-handling-policy=disable_non_proxied_udp",
  "--disable-quic",
  "--disable-background-networking",
];

/** What the browser gets of our environment: nothing in it is a secret. */
const INHERITED = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "FONTCONFIG_PATH",
  "LD_LIBRARY_PATH",
  "XDG_RUNTIME_DIR",
];

/** @throws BrowserUnavailableError when there is none, ToolError with `executed: false` when it does not start. */
export const startBrowser = async (
  settings: BrowserSettings,
  log: Logger | null,
): Promise<BrowserProcess> => {
  const executablePath = findBrowser(settings.executablePath);
  const chromium = await loadPlaywright();
  const isRoot = process.getuid?.() === 0;
  if (isRoot)
    log?.warn("Chromium runs without its own sandbox, because this process is root.", { executablePath });
  const folder = await mkdtemp(join(tmpdir(), "holdfast-browser-"));
  const keeper = new BrowserKeeper(folder);
  try {
    const browser = await chromium.launch({
      executablePath,
      chromiumSandbox: !isRoot,
      args: ["--disable-gpu", ...NOTHING_BESIDE_THE_PROXY],
      proxy: NOWHERE,
      env: { ...inherited(), ...keeper.env },
      downloadsPath: folder,
      artifactsDir: folder,
      timeout: START_MS,
      // The signals of this process are its owner's business.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    keeper.noteStarted();
    return { browser, close: () => end(browser, keeper) };
  } catch (cause) {
    await keeper.end();
    throw new ToolError("The browser could not be started.", {
      executed: false,
      hint: textOf(cause).slice(0, 1_000),
      details: { reason: "closed" },
    });
  }
};

/** It is killed and not asked: nothing of it is to be kept, and one that hangs would not answer. */
const end = async (browser: Browser, keeper: BrowserKeeper): Promise<void> => {
  await keeper.end();
  await browser.close().catch(() => undefined);
};

const inherited = (): Record<string, string> =>
  Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
