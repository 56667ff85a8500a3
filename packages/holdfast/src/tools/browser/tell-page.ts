import type { Page, Response } from "playwright-core";
import type { BrowserSession } from "./browser-session.ts";
import { withoutRefs } from "./own-refs.ts";
import { pageFailure } from "./page-failure.ts";
import { partOf } from "./page-view.ts";
import { within } from "./within.ts";

const TITLE_MS = 1_000;
const MAX_TITLE_CHARS = 300;
const MAX_URL_CHARS = 2_000;
const MAX_HOSTS = 5;

export type Telling = {
  /** What was done, as a sentence. */
  readonly did?: string;
  readonly response?: Response | null;
  /** Where in the view to begin, in characters; null for no view at all. */
  readonly start: number | null;
};

/** What the model is told of the page that is used now: where it is, what happened beside, and what is on it. */
export const tellPage = async (
  session: BrowserSession,
  { did, response, start }: Telling,
): Promise<string> => {
  const page = session.tabs.current;
  if (page === null)
    return [did ?? "", ...notesOf(session), "No page is open any more."].filter(Boolean).join("\n");
  const view =
    start === null
      ? null
      : start > 0 && session.view?.page === page
        ? session.view
        : await session.look(page);
  const title =
    (await within(
      session.context,
      TITLE_MS,
      page.title().catch(() => ""),
    )) ?? "";
  const status = response?.status() ?? 200;
  const lines = [
    ...(did === undefined ? [] : [did]),
    `Page: ${title.slice(0, MAX_TITLE_CHARS)}`,
    `URL: ${page.url().slice(0, MAX_URL_CHARS)}`,
    ...(status >= 400 ? [`Status: ${status}`] : []),
    ...notesOf(session),
  ].map(withoutRefs);
  return view === null
    ? lines.join("\n")
    : `${lines.join("\n")}\n\n${partOf(view, start ?? 0, session.settings.maxChars)}`;
};

export type PageAt = { readonly page: Page; readonly url: string; readonly documents: number };

/**
 * What has come of an action. Another document, whose elements nobody knows yet, is shown too. It was done: what fails from here on
 * is only the telling.
 */
export const tellAction = async (
  session: BrowserSession,
  { did, before }: { readonly did: string; readonly before: PageAt },
): Promise<string> => {
  const { current: page, documents } = session.tabs;
  const isOther = page !== before.page || page.url() !== before.url || documents !== before.documents;
  try {
    return await tellPage(session, { did, start: isOther ? 0 : null });
  } catch (thrown) {
    session.notes.add(pageFailure(thrown, { what: "Looking at the page" }).message);
    return [did, ...notesOf(session)].join("\n");
  }
};

const notesOf = (session: BrowserSession): readonly string[] => {
  const hosts = session.takeRefusedHosts();
  const named = hosts.slice(0, MAX_HOSTS).join(", ");
  const more = hosts.length > MAX_HOSTS ? ` and ${hosts.length - MAX_HOSTS} more` : "";
  return [
    ...session.notes.take().map((note) => `Note: ${note}`),
    ...(hosts.length === 0 ? [] : [`Note: What the page asked for from ${named}${more} was refused here.`]),
  ];
};
