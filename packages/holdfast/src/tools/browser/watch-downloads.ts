import type { CDPSession } from "playwright-core";

/** How much of a file has been written to the disk: what is sent packed, or is made in the page, is more than what came. */
export type Written = { readonly url: string; readonly bytes: number };

/** Tells, again and again, how far the files have come that a page offers. */
export const watchDownloads = async (
  driver: CDPSession,
  onWritten: (written: Written) => void,
): Promise<void> => {
  const urls = new Map<string, string>();
  driver.on("Page.downloadWillBegin", ({ guid, url }) => void urls.set(guid, url));
  driver.on("Page.downloadProgress", ({ guid, receivedBytes: bytes, state }) => {
    const url = urls.get(guid);
    if (url !== undefined) onWritten({ url, bytes });
    if (state !== "inProgress") urls.delete(guid);
  });
  await driver.send("Page.enable");
};
