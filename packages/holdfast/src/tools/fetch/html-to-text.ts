import { giveWay } from "./give-way.ts";
import { PageReader, type ReadablePage } from "./page-reader.ts";

/** What is read in one go: a few milliseconds of work at the worst. */
const SLICE_CHARS = 16_384;
/** Parsers look through all open tags for each that is closed: a page made of nothing but open tags would take hours. */
const MAX_DEPTH = 3_000;

export type HtmlPage = { readonly html: string; readonly url: URL; readonly signal: AbortSignal };

/**
 * HTML as Markdown: headings, lists, links, quotations, tables and code; without scripts, styles and what the page hides from its
 * readers. Of a page with a main part, that part alone. It takes time and memory in proportion to the page, and lets others have
 * their turn in between (E6).
 *
 * @throws whatever the signal is aborted with.
 */
export const htmlToText = async ({ html, url, signal }: HtmlPage): Promise<ReadablePage> => {
  const { Parser } = await import("htmlparser2");
  const reader = new PageReader(url);
  const parser = new Parser(reader);
  for (let at = 0; at < html.length && reader.depth <= MAX_DEPTH; at += SLICE_CHARS) {
    parser.write(html.slice(at, at + SLICE_CHARS));
    reader.endSlice();
    await giveWay();
    signal.throwIfAborted();
  }
  if (reader.depth <= MAX_DEPTH) parser.end();
  const { title, text } = reader.page();
  return {
    title,
    text: reader.depth <= MAX_DEPTH ? text : `${text}\n[The page is nested too deep to be read further.]`,
  };
};
