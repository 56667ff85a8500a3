import { PageReader, type ReadablePage } from "./page-reader.ts";

const SLICE_CHARS = 16_384;
/** Parsers look through all open tags for each that is closed: a page made of nothing but open tags would take hours. */
const MAX_DEPTH = 3_000;

/**
 * HTML as Markdown: headings, lists, links, quotations, tables and code; without scripts, styles and what the page hides from its
 * readers. Of a page with a main part, that part alone. It takes time and memory in proportion to the page.
 */
export const htmlToText = async (html: string, url: URL): Promise<ReadablePage> => {
  const { Parser } = await import("htmlparser2");
  const reader = new PageReader(url);
  const parser = new Parser(reader);
  for (let at = 0; at < html.length && reader.depth <= MAX_DEPTH; at += SLICE_CHARS) {
    parser.write(html.slice(at, at + SLICE_CHARS));
  }
  if (reader.depth <= MAX_DEPTH) parser.end();
  const { title, text } = reader.page();
  return {
    title,
    text: reader.depth <= MAX_DEPTH ? text : `${text}\n[The page is nested too deep to be read further.]`,
  };
};
