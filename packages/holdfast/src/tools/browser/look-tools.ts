import { basename } from "node:path";
import { z } from "zod";
import { toFailure } from "../../core/failure.ts";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { callFile } from "../../definitions/call-file.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { defineBrowserTool, type Making } from "./define-browser-tool.ts";
import { notDone, pageFailure } from "./page-failure.ts";
import { tellPage } from "./tell-page.ts";

const SNAPSHOT_INPUT = z.object({
  start: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      "Where in the newest view to go on, in characters, when it was cut. Leave it out for a new view.",
    ),
});

/** Shows the page as it is now. */
export const snapshotTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "snapshot",
    description:
      "Shows the page that is open as it is now: its text and elements with new references, which take the place of all earlier ones.",
    input: SNAPSHOT_INPUT,
    effect: "read",
    execute: async ({ start = 0 }, session) => {
      await session.page();
      return tellPage(session, { start });
    },
  });

const SCREENSHOT_INPUT = z.object({
  full: z.boolean().optional().describe("The whole page, and not only the part that is in the window."),
});

/** Puts a picture of the page into the workspace, under a name of the call. */
export const screenshotTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "screenshot",
    description: "Saves a picture of the page that is open to the workspace, as a PNG file.",
    input: SCREENSHOT_INPUT,
    effect: "idempotent",
    execute: async ({ full = false }, session, call) => {
      const page = await session.page();
      const { loadTimeoutMs } = session.settings;
      const png = await page
        .screenshot({ type: "png", fullPage: full, timeout: loadTimeoutMs })
        .catch((thrown: unknown) => {
          session.noteStuck();
          throw pageFailure(thrown, { what: "The screenshot", executed: false });
        });
      const path = callFile(call, "screenshots", "page.png");
      await call.workspace.write(path, png);
      await keepPicture(call, { name: basename(path), png });
      return tellPage(session, { did: `Saved in the workspace as ${path}.`, start: null });
    },
  });

/** One that is too large to be kept is still in the workspace. */
const keepPicture = async (
  { artifacts, log }: ToolContext,
  { name, png }: { readonly name: string; readonly png: Uint8Array },
): Promise<void> => {
  try {
    await artifacts.save({ name, mediaType: "image/png", content: png });
  } catch (thrown) {
    log.warn("A screenshot was not kept with its result.", { why: toFailure(thrown).message });
  }
};

const WAIT_INPUT = z.object({
  text: z.string().min(1).max(1_000).optional().describe("Text that is to appear."),
  gone: z.string().min(1).max(1_000).optional().describe("Text that is to disappear."),
  url: z.string().min(1).max(2_000).optional().describe("Part of the URL that the page is to have."),
  seconds: z
    .number()
    .min(0.1)
    .max(60)
    .optional()
    .describe("Longest time; 10 by default. Alone: just this time."),
});

/** Waits for the page, for no longer than was said. */
export const waitTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "wait",
    description:
      "Waits until text appears or disappears on the page, or until the page is at a URL; then shows the page.",
    input: WAIT_INPUT,
    effect: "read",
    execute: async ({ text, gone, url, seconds = 10 }, session) => {
      const page = await session.page();
      const timeout = seconds * 1_000;
      const waits = [
        ...(text === undefined ? [] : [page.getByText(text).first().waitFor({ state: "visible", timeout })]),
        ...(gone === undefined ? [] : [page.getByText(gone).first().waitFor({ state: "hidden", timeout })]),
        ...(url === undefined
          ? []
          : [page.waitForURL(({ href }) => href.includes(url), { timeout, waitUntil: "commit" })]),
      ];
      await Promise.all(waits.length === 0 ? [page.waitForTimeout(timeout)] : waits).catch(
        (thrown: unknown) => {
          const failed = pageFailure(thrown, { what: "Waiting", executed: false });
          if (failed.failure.details?.["reason"] !== "timeout") throw failed;
          throw notDone(
            "timeout",
            `It did not come about within ${seconds} s. Take a snapshot to see what there is.`,
          );
        },
      );
      return tellPage(session, { start: 0 });
    },
  });
