import { MarkdownWriter } from "./markdown-writer.ts";

/** A page as a reader sees it. */
export type ReadablePage = { readonly title: string | null; readonly text: string };

const namesOf = (names: string): ReadonlySet<string> => new Set(names.split(" "));

/** What is no text for readers. */
const UNSEEN = namesOf(
  "script style noscript template svg math canvas iframe object embed audio video select datalist",
);
const BLOCKS = namesOf(
  "p div section article main header footer nav aside figure figcaption address form fieldset details summary dl table",
);
const LINES = namesOf("br dt dd tr caption legend body li");

/** A main part shorter than this, in characters, is not taken for the page. */
const MIN_MAIN_CHARS = 200;
const MAX_TITLE_CHARS = 300;
/** With all its spaces. */
const MAX_RAW_TITLE_CHARS = 10_000;
const MAX_LINK_CHARS = 500;
/** As it is written, with all that a complete URL goes without. */
const MAX_HREF_CHARS = 5_000;
const MAX_ALT_CHARS = 2_000;
/** Lists further in than this are shown as if they stood here. */
const MAX_INDENT = 8;

type Attributes = Readonly<Record<string, string>>;
type Link = { readonly href: string; readonly depth: number; readonly place: number | null };
type List = { readonly isNumbered: boolean; readonly items: number };

/** Goes through a page tag by tag and writes down what a reader would see; one for each page. */
export class PageReader {
  readonly #writer = new MarkdownWriter();
  readonly #url: URL;
  #base: URL | null = null;
  #title: string | null = null;
  #isInTitle = false;
  /** How many drawings are open: their titles are not the page's. */
  #drawings = 0;
  #depth = 0;
  /** How many tags are open inside one that is not seen, itself included. */
  #unseen = 0;
  #quotes = 0;
  #lists: List[] = [];
  #link: Link | null = null;
  #main: { readonly depth: number; readonly place: number } | null = null;
  readonly #mainParts: string[] = [];

  constructor(url: URL) {
    this.#url = url;
  }

  /** How many tags are open. */
  get depth(): number {
    return this.#depth;
  }

  page(): ReadablePage {
    const whole = this.#writer.between(0, this.#writer.place);
    const main = this.#mainParts.join("\n\n").trim();
    const title = (this.#title ?? "").replaceAll(/\s+/g, " ").trim().slice(0, MAX_TITLE_CHARS).toWellFormed();
    return { title: title === "" ? null : title, text: main.length < MIN_MAIN_CHARS ? whole : main };
  }

  onopentag(name: string, attributes: Attributes): void {
    this.#depth += 1;
    if (name === "svg") this.#drawings += 1;
    if (name === "title" && this.#title === null && this.#drawings === 0) this.#isInTitle = true;
    // The first base is that of the whole page.
    if (name === "base") this.#base ??= this.#resolve(attributes["href"]);
    if (this.#unseen > 0 || isUnseen(name, attributes)) this.#unseen += 1;
    else this.#open(name, attributes);
  }

  onclosetag(name: string): void {
    if (name === "svg") this.#drawings -= 1;
    if (name === "title") this.#isInTitle = false;
    if (this.#unseen > 0) this.#unseen -= 1;
    else this.#close(name);
    this.#depth -= 1;
  }

  ontext(text: string): void {
    if (this.#isInTitle) this.#addToTitle(text);
    else if (this.#unseen === 0) this.#write(text);
  }

  /** To be called now and then, so that there is little to do when the page is asked for. */
  endSlice(): void {
    this.#writer.join(Math.max(this.#main?.place ?? 0, this.#link?.place ?? 0));
  }

  #addToTitle(text: string): void {
    const title = this.#title ?? "";
    this.#title = title.length < MAX_RAW_TITLE_CHARS ? title + text : title;
  }

  #write(text: string): void {
    // A link begins with its first word, after the breaks and marks that stand before it.
    if (this.#link?.place === null && text.trim() !== "") {
      if (/^\s/.test(text)) this.#writer.text(" ");
      this.#writer.flush();
      this.#link = { ...this.#link, place: this.#writer.place };
    }
    this.#writer.text(text);
  }

  #open(name: string, attributes: Attributes): void {
    const writer = this.#writer;
    if (isMain(name, attributes)) this.#main ??= { depth: this.#depth, place: writer.place };
    if (/^h[1-6]$/.test(name)) writer.leadWith(`${"#".repeat(Number(name[1]))} `, 2);
    else if (name === "ul" || name === "ol") this.#openList(name === "ol");
    else if (name === "li") this.#openItem();
    else if (name === "a") this.#openLink(attributes["href"]);
    else if (name === "img") this.#showImage(attributes["alt"] ?? "");
    else if (name === "td" || name === "th") writer.text(" | ");
    else if (name === "pre") this.#openPre();
    else if (name === "blockquote") this.#quote(this.#quotes + 1);
    else if (name === "hr") this.#rule();
    else this.#breakAround(name);
  }

  #close(name: string): void {
    const writer = this.#writer;
    if (/^h[1-6]$/.test(name)) {
      writer.dropLead();
      writer.breakLine(2);
    } else if (name === "li") writer.dropLead();
    else if (name === "ul" || name === "ol") this.#closeList();
    else if (name === "a") this.#closeLink();
    else if (name === "pre") this.#closePre();
    else if (name === "blockquote") this.#quote(Math.max(0, this.#quotes - 1));
    this.#breakAround(name);
    if (this.#main?.depth === this.#depth) {
      this.#mainParts.push(writer.between(this.#main.place, writer.place));
      this.#main = null;
    }
  }

  #breakAround(name: string): void {
    if (BLOCKS.has(name)) this.#writer.breakLine(this.#lists.length > 0 ? 1 : 2);
    else if (LINES.has(name)) this.#writer.breakLine(1);
  }

  #openList(isNumbered: boolean): void {
    this.#writer.breakLine(this.#lists.length > 0 ? 1 : 2);
    this.#lists.push({ isNumbered, items: 0 });
  }

  #openItem(): void {
    const list = this.#lists.pop() ?? { isNumbered: false, items: 0 };
    const items = list.items + 1;
    const indent = "  ".repeat(Math.min(this.#lists.length, MAX_INDENT));
    this.#lists.push({ ...list, items });
    this.#writer.leadWith(`${indent}${list.isNumbered ? `${items}.` : "-"} `, 1);
  }

  #closeList(): void {
    this.#lists.pop();
    this.#writer.dropLead();
    this.#writer.breakLine(this.#lists.length > 0 ? 1 : 2);
  }

  #openLink(href: string | undefined): void {
    const url = this.#resolve(href);
    const isShown =
      url !== null && /^(?:https?|mailto):$/.test(url.protocol) && href?.startsWith("#") !== true;
    this.#link =
      isShown && url.href.length <= MAX_LINK_CHARS
        ? { href: url.href, depth: this.#depth, place: null }
        : null;
  }

  #resolve(href: string | undefined): URL | null {
    if (href === undefined || href.length > MAX_HREF_CHARS) return null;
    return URL.parse(href, (this.#base ?? this.#url).href);
  }

  #closeLink(): void {
    const link = this.#link;
    if (link === null || link.depth !== this.#depth) return;
    this.#link = null;
    if (link.place === null) return;
    const text = this.#writer.takeFrom(link.place).replaceAll(/\s+/g, " ").trim();
    this.#writer.put(`[${text}](${link.href})`);
  }

  #showImage(alt: string): void {
    const words = alt.trim().slice(0, MAX_ALT_CHARS).trim().toWellFormed();
    if (words !== "") this.#write(` ![${words}] `);
  }

  #openPre(): void {
    this.#writer.breakLine(2);
    this.#writer.flush();
    this.#writer.put("```\n");
    this.#writer.isVerbatim = true;
  }

  #closePre(): void {
    this.#writer.isVerbatim = false;
    this.#writer.put("\n```");
    this.#writer.breakLine(2);
  }

  #quote(depth: number): void {
    this.#writer.breakLine(2);
    this.#quotes = depth;
    this.#writer.prefix = "> ".repeat(Math.min(depth, MAX_INDENT));
  }

  #rule(): void {
    this.#writer.breakLine(2);
    this.#writer.text("---");
    this.#writer.breakLine(2);
  }
}

const isMain = (name: string, attributes: Attributes): boolean =>
  name === "main" || name === "article" || attributes["role"] === "main";

const isUnseen = (name: string, attributes: Attributes): boolean =>
  UNSEEN.has(name) ||
  "hidden" in attributes ||
  attributes["aria-hidden"] === "true" ||
  /(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(attributes["style"] ?? "");
