import type { Download, Page } from "playwright-core";
import { z } from "zod";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import type { BrowserSession } from "./browser-session.ts";
import { defineBrowserTool, type Making } from "./define-browser-tool.ts";
import { urlOf } from "./open-tool.ts";
import { watchDownloads } from "./watch-downloads.ts";
import { within } from "./within.ts";
import { notDone, pageFailure, textOf } from "./page-failure.ts";

const INPUT = z.object({
  url: z.string().min(1).max(8_000).describe("A complete http or https URL."),
});

/** Gets a file by its URL, with the cookies of the browser, whatever its type is. */
export const downloadTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "download",
    description:
      "Downloads what is at a URL to the workspace, with the browser's cookies. A file that a click leads to is saved by browser_click.",
    input: INPUT,
    effect: "idempotent",
    execute: async ({ url: text }, session, call) => {
      const url = urlOf(text, making.settings.network);
      return session.tabs.aside(async (page) => {
        const download = await offered(page, url, session);
        const { path, bytes } = await session.downloads.save(download, call);
        return `Saved in the workspace as ${path} (${bytes} bytes).`;
      });
    },
  });

/** @throws ToolError when it is refused, is answered with an error, or is not answered. */
const offered = async (page: Page, url: URL, session: BrowserSession): Promise<Download> => {
  const { loadTimeoutMs } = session.settings;
  const statuses = await asAttachment(page, session);
  const found = Promise.withResolvers<Download>();
  page.once("download", found.resolve);
  try {
    await page.goto(url.href, { waitUntil: "commit", timeout: loadTimeoutMs });
  } catch (thrown) {
    const refusal = session.refusals.at(-1);
    if (refusal !== undefined) throw notDone("refused", refusal.message);
    if (/Download is starting/.test(textOf(thrown))) {
      const download = await within(session.context, loadTimeoutMs, found.promise);
      if (download !== undefined) return download;
    }
    throw pageFailure(thrown, { what: "The download", executed: false });
  }
  const refusal = session.refusals.at(-1);
  if (refusal !== undefined) throw notDone("refused", refusal.message);
  throw notDone("status", `Nothing was downloaded: the answer had status ${statuses.at(-1) ?? "unknown"}.`);
};

/** Has whatever the page is answered with taken for a file. Gives the statuses of the answers as they come. */
const asAttachment = async (page: Page, session: BrowserSession): Promise<readonly number[]> => {
  const statuses: number[] = [];
  const driver = await page.context().newCDPSession(page);
  await watchDownloads(driver, (written) => session.downloads.noteWritten(written));
  driver.on("Fetch.requestPaused", ({ requestId, responseStatusCode = 0, responseHeaders = [] }) => {
    statuses.push(responseStatusCode);
    const isFile = responseStatusCode >= 200 && responseStatusCode < 300;
    const changed = isFile
      ? { responseCode: responseStatusCode, responseHeaders: attached(responseHeaders) }
      : {};
    void driver.send("Fetch.continueResponse", { requestId, ...changed }).catch(() => undefined);
  });
  await driver.send("Fetch.enable", { patterns: [{ requestStage: "Response" }] });
  return statuses;
};

type Header = { readonly name: string; readonly value: string };

const attached = (headers: readonly Header[]): Header[] => {
  const isDisposition = ({ name }: Header): boolean => name.toLowerCase() === "content-disposition";
  if (headers.some((header) => isDisposition(header) && /^\s*attachment/i.test(header.value)))
    return [...headers];
  return [
    ...headers.filter((header) => !isDisposition(header)),
    { name: "content-disposition", value: "attachment" },
  ];
};
