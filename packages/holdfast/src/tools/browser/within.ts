import type { BrowserContext } from "playwright-core";

/**
 * What comes of `work`, or undefined where that takes longer than `ms`: for what the driver itself sets no limit to. Whoever waits
 * waits no longer than the browser is there.
 */
export const within = async <Result>(
  context: BrowserContext,
  ms: number,
  work: Promise<Result>,
): Promise<Result | undefined> => {
  const late = context.waitForEvent("close", { timeout: ms }).then(
    () => undefined,
    () => undefined,
  );
  return Promise.race([work, late]);
};
