import type { BrowserContext, Dialog, Download, Page, Request } from "playwright-core";
import { ToolError } from "../../core/errors.ts";
import type { PageNotes } from "./page-notes.ts";
import { watchDownloads, type Written } from "./watch-downloads.ts";
import { within } from "./within.ts";

const MAX_WINDOWS = 10;
const MAX_DIALOGS = 50;
const WATCH_MS = 1_000;
const NEW_WINDOW_MS = 10_000;

export type TabsParts = {
  readonly context: BrowserContext;
  readonly notes: PageNotes;
  readonly onDownload: (download: Download) => void;
  readonly onWritten: (written: Written) => void;
};

/**
 * The windows of one session, of which the newest is the one that is used. A window that a page opens is put on top, and what is
 * closed is taken away, whoever closes it.
 */
export class Tabs {
  readonly #parts: TabsParts;
  readonly #pages: Page[] = [];
  /** Main documents that were asked for and have not come. */
  readonly #loading = new Map<Page, PromiseWithResolvers<void>>();
  readonly #watched = new Map<Page, Promise<void>>();
  /** A window that a page was heard to open, until it is there. */
  #opening: PromiseWithResolvers<void> | null = null;
  #isAside = false;
  #dialogs = 0;
  #documents = 0;
  #isBroken = false;
  /** Whether "OK" is said to the questions of pages. */
  acceptsDialogs = false;

  constructor(parts: TabsParts) {
    this.#parts = parts;
    parts.context.on("page", (page) => this.#add(page));
    parts.context.on("dialog", (dialog) => void this.#answer(dialog));
  }

  /** The window that is used; null where there is none. */
  get current(): Page | null {
    return this.#pages.at(-1) ?? null;
  }

  get count(): number {
    return this.#pages.length;
  }

  /** How many documents have come so far, in any window. */
  get documents(): number {
    return this.#documents;
  }

  /** The window that is used, empty where there was none. */
  async open(): Promise<Page> {
    return this.current ?? this.#newWindow();
  }

  /** Whether the browser was found to open no windows any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The driver may wait for ever here: a window that was closed while it loaded can leave the browser in such a state. */
  async #newWindow(): Promise<Page> {
    const { context } = this.#parts;
    const page = await within(context, NEW_WINDOW_MS, context.newPage());
    if (page !== undefined) return page;
    this.#isBroken = true;
    throw new ToolError("The browser opened no window. The next call starts it anew.", {
      executed: false,
      details: { reason: "closed" },
    });
  }

  /** Closes the window that is used; a page that does not answer is not asked. */
  async closeCurrent(): Promise<void> {
    const page = this.#pages.pop();
    if (page !== undefined) await this.#close(page);
  }

  async #close(page: Page): Promise<void> {
    const closed = page.close({ runBeforeUnload: false }).catch(() => undefined);
    await within(this.#parts.context, NEW_WINDOW_MS, closed);
  }

  /** Does something in a window of its own, which is none of those that are used. */
  async aside<Result>(work: (page: Page) => Promise<Result>): Promise<Result> {
    this.#isAside = true;
    const page = await this.#newWindow().finally(() => {
      this.#isAside = false;
    });
    try {
      return await work(page);
    } finally {
      await this.#close(page);
    }
  }

  /** Begins to count anew what one call may be asked. */
  begin(): void {
    this.#dialogs = 0;
    this.#opening = null;
    this.acceptsDialogs = false;
  }

  /** When the opening of windows by this page is heard of. */
  async watched(page: Page): Promise<void> {
    await this.#watched.get(page);
  }

  /** What a window that is being opened is waited for by; null where none is. */
  get opening(): Promise<void> | null {
    return this.#opening?.promise ?? null;
  }

  /** What a document that was asked for is waited for by; null where none was. */
  loadingOf(page: Page): Promise<void> | null {
    return this.#loading.get(page)?.promise ?? null;
  }

  #add(page: Page): void {
    if (this.#isAside) return;
    if (this.#pages.length >= MAX_WINDOWS) {
      this.#parts.notes.add(`A new window was closed at once: there are ${MAX_WINDOWS} already.`);
      void page.close().catch(() => undefined);
      return;
    }
    if (this.#pages.length > 0)
      this.#parts.notes.add("A new window opened, and is the one that is used now; going back closes it.");
    this.#pages.push(page);
    this.#opening?.resolve();
    this.#opening = null;
    this.#watched.set(page, this.#watch(page));
    page.on("close", () => this.#remove(page));
    page.on("crash", () => this.#crashed(page));
    page.on("request", (request) => this.#requested(page, request));
    page.on("requestfailed", (request) => this.#failed(page, request));
    page.on("domcontentloaded", () => {
      this.#documents += 1;
      this.#loaded(page);
    });
    page.on("download", this.#parts.onDownload);
    page.on("filechooser", () =>
      this.#parts.notes.add("The page asked for a file to be chosen. There is no tool for that here."),
    );
  }

  /** The driver tells of a new window when it is ready; the page itself says at once that it opens one. */
  async #watch(page: Page): Promise<void> {
    const { context } = this.#parts;
    const listening = async (): Promise<void> => {
      const driver = await context.newCDPSession(page);
      driver.on("Page.windowOpen", () => {
        this.#opening ??= Promise.withResolvers();
      });
      await watchDownloads(driver, this.#parts.onWritten);
    };
    // Without it, a window is seen only once it is there.
    await within(
      context,
      WATCH_MS,
      listening().catch(() => undefined),
    );
  }

  #remove(page: Page): void {
    this.#loaded(page);
    this.#watched.delete(page);
    const at = this.#pages.indexOf(page);
    if (at < 0) return;
    this.#pages.splice(at, 1);
    if (this.#pages.length > 0) this.#parts.notes.add("A window was closed; the one before it is used now.");
  }

  #crashed(page: Page): void {
    this.#loaded(page);
    this.#parts.notes.add("The page crashed.");
    const at = this.#pages.indexOf(page);
    if (at >= 0) this.#pages.splice(at, 1);
    void page.close().catch(() => undefined);
  }

  #requested(page: Page, request: Request): void {
    if (!isOfMainDocument(page, request)) return;
    this.#loaded(page);
    this.#loading.set(page, Promise.withResolvers());
  }

  #failed(page: Page, request: Request): void {
    if (isOfMainDocument(page, request)) this.#loaded(page);
  }

  #loaded(page: Page): void {
    this.#loading.get(page)?.resolve();
    this.#loading.delete(page);
  }

  async #answer(dialog: Dialog): Promise<void> {
    this.#dialogs += 1;
    const kind = dialog.type();
    const isAccepted = kind === "alert" || kind === "beforeunload" || this.acceptsDialogs;
    const how = kind === "alert" ? "" : isAccepted ? ", and was accepted" : ", and was dismissed";
    if (kind !== "beforeunload")
      this.#parts.notes.add(`The page showed ${named(kind)}: "${dialog.message()}"${how}.`);
    await (isAccepted ? dialog.accept(dialog.defaultValue()) : dialog.dismiss()).catch(() => undefined);
    if (this.#dialogs !== MAX_DIALOGS) return;
    this.#parts.notes.add(`The page was closed: it showed ${MAX_DIALOGS} dialogs.`);
    await dialog
      .page()
      ?.close()
      .catch(() => undefined);
  }
}

const named = (kind: string): string =>
  kind === "alert" ? "a message" : kind === "confirm" ? "a question" : "a prompt";

const isOfMainDocument = (page: Page, request: Request): boolean => {
  try {
    return request.isNavigationRequest() && request.frame() === page.mainFrame();
  } catch {
    // Of a frame that is not there yet.
    return false;
  }
};
