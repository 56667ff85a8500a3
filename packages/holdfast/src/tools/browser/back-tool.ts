import { z } from "zod";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { defineBrowserTool, type Making } from "./define-browser-tool.ts";
import { notDone, pageFailure } from "./page-failure.ts";
import { tellPage } from "./tell-page.ts";

/**
 * Goes back by one page, or closes the window where there is nothing to go back to. Tried once and no more, because twice would be
 * two pages; where it runs again after a crash, there is a new browser, without a page before this one.
 */
export const backTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "back",
    description:
      "Goes back to the page before, or closes a window that a page has opened; then shows the page.",
    input: z.object({}),
    effect: "idempotent",
    retry: { maxAttempts: 1 },
    execute: async (_input, session) => {
      const page = await session.page();
      const { loadTimeoutMs } = session.settings;
      const response = await page
        .goBack({ waitUntil: "commit", timeout: loadTimeoutMs })
        .catch((thrown: unknown) => {
          session.noteStuck();
          throw pageFailure(thrown, { what: "Going back" });
        });
      if (response === null && session.tabs.count > 1) await session.tabs.closeCurrent();
      else if (response === null) throw notDone("page", "There is no page to go back to.");
      await session.settle(page);
      return tellPage(session, { start: 0 });
    },
  });
