import { modelCallOf } from "../../core/ids.ts";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { ToolError } from "../../core/errors.ts";
import { openEgressProxy, type EgressProxy, type EgressRefusal } from "../../definitions/egress-proxy.ts";
import type { ToolContext, Workspace } from "../../ports/tool.ts";
import type { BrowserSettings } from "./browser-settings.ts";
import { Downloads } from "./downloads.ts";
import { readKept, writeKept, type KeptState } from "./kept-state.ts";
import { notDone, pageFailure } from "./page-failure.ts";
import { withOwnRefs } from "./own-refs.ts";
import { PageNotes } from "./page-notes.ts";
import { isCalled, locate, numberedRefs, sameElements, type PageView } from "./page-view.ts";
import { Tabs } from "./tabs.ts";
import { within } from "./within.ts";

const SAVE_MS = 5_000;
const SETTLE_MS = 100;
const MAX_REFUSALS = 50;

export type OpeningSession = {
  readonly browser: Browser;
  readonly settings: BrowserSettings;
  readonly workspace: Workspace;
  /** Told once, when its windows are gone, for whatever reason. */
  readonly onClose: () => void;
};

/**
 * Opens what is one session's own: a context of the browser, which shares no cookie or storage with any other, and a proxy through
 * which all its pages reach the network. What was kept when the session came to rest is there again.
 */
export const openBrowserSession = async (opening: OpeningSession): Promise<BrowserSession> => {
  const { browser, settings, workspace, onClose } = opening;
  const kept = await readKept(workspace);
  const heard = { received: (): void => undefined, refused: (_refusal: EgressRefusal): void => undefined };
  const proxy = await openEgressProxy({
    rules: settings.network,
    maxBytes: settings.maxReceivedBytes,
    onReceived: () => heard.received(),
    onRefused: (refusal) => heard.refused(refusal),
  });
  try {
    // What was kept may have been changed by whoever can write in the workspace.
    const context = await newContext(browser, { settings, proxy, kept }).catch((thrown: unknown) => {
      if (kept === null || !browser.isConnected()) throw thrown;
      return newContext(browser, { settings, proxy, kept: null });
    });
    const session = new BrowserSession({ context, proxy, settings, workspace, kept });
    heard.received = () => session.downloads.noteReceived();
    heard.refused = (refusal) => session.noteRefusal(refusal);
    context.on("close", () => {
      void proxy.close().then(onClose);
    });
    return session;
  } catch (thrown) {
    await proxy.close();
    throw pageFailure(thrown, { what: "Opening the browser", executed: false });
  }
};

type NewContext = {
  readonly settings: BrowserSettings;
  readonly proxy: EgressProxy;
  readonly kept: KeptState | null;
};

const newContext = (browser: Browser, { settings, proxy, kept }: NewContext): Promise<BrowserContext> =>
  browser.newContext({
    proxy: { server: `http://127.0.0.1:${proxy.port}`, bypass: "<-loopback>" },
    viewport: settings.viewport,
    acceptDownloads: true,
    permissions: [],
    ...(settings.userAgent === null ? {} : { userAgent: settings.userAgent }),
    ...(kept === null ? {} : { storageState: structuredClone(kept.storage) }),
  });

type SessionParts = {
  readonly context: BrowserContext;
  readonly proxy: EgressProxy;
  readonly settings: BrowserSettings;
  readonly workspace: Workspace;
  readonly kept: KeptState | null;
};

/** The browser as one session has it. Its calls come one after the other. */
export class BrowserSession {
  readonly settings: BrowserSettings;
  readonly notes = new PageNotes();
  readonly tabs: Tabs;
  readonly downloads: Downloads;
  readonly #parts: SessionParts;
  #view: PageView | null = null;
  #lastView = 0;
  #call: ToolContext | null = null;
  #url: string | null;
  #refusals: EgressRefusal[] = [];
  /** Hosts of which nothing came, since that was told last. */
  readonly #refusedHosts = new Set<string>();
  /** Whether the page that is used was found not to answer. */
  #isStuck = false;

  constructor(parts: SessionParts) {
    const { context, settings, proxy, kept } = parts;
    this.#parts = parts;
    this.settings = settings;
    this.#url = kept?.url ?? null;
    this.downloads = new Downloads({ context, settings, notes: this.notes, received: () => proxy.received });
    this.tabs = new Tabs({
      context,
      notes: this.notes,
      onDownload: (download) => this.downloads.offer(download),
      onWritten: (written) => this.downloads.noteWritten(written),
    });
  }

  get context(): BrowserContext {
    return this.#parts.context;
  }

  /** Sockets to and from the proxy. */
  get sockets(): number {
    return this.#parts.proxy.sockets;
  }

  /** What was shown last, with the page that it is of. */
  get view(): PageView | null {
    return this.#view;
  }

  noteRefusal(refusal: EgressRefusal): void {
    if (this.#refusals.length < MAX_REFUSALS) this.#refusals.push(refusal);
    if (this.#refusedHosts.size < MAX_REFUSALS) this.#refusedHosts.add(refusal.host);
  }

  /** What the pages of this call asked for and were refused. */
  get refusals(): readonly EgressRefusal[] {
    return this.#refusals;
  }

  /** Hosts that pages asked something of and were refused, since the last time, once. */
  takeRefusedHosts(): readonly string[] {
    const hosts = [...this.#refusedHosts];
    this.#refusedHosts.clear();
    return hosts;
  }

  /** Does the work of one call; one that is given up takes the page with it, so that nothing of it happens afterwards (E5). */
  async during<Result>(call: ToolContext, work: () => Promise<Result>): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      reject(
        new ToolError("The call was given up, and its page was closed.", { details: { reason: "aborted" } }),
      );
      void this.tabs.closeCurrent();
    };
    this.#refusals = [];
    this.#call = call;
    this.tabs.begin();
    this.downloads.begin(call);
    call.signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([work(), promise]);
    } finally {
      call.signal.removeEventListener("abort", giveUp);
      this.downloads.end();
      this.#noteUrl();
    }
  }

  /** The page that is used. Where it was lost with its browser, its address is opened again. */
  async page(): Promise<Page> {
    const { current } = this.tabs;
    if (current !== null) return current;
    if (this.#url === null) throw notDone("page", "No page is open. Open one with browser_open.");
    const page = await this.tabs.open();
    this.notes.add(`The browser had been closed. The page was loaded again from ${this.#url}.`);
    const { loadTimeoutMs } = this.settings;
    await page
      .goto(this.#url, { waitUntil: "domcontentloaded", timeout: loadTimeoutMs })
      .catch((thrown: unknown) => {
        throw pageFailure(thrown, { what: "Loading the page again", executed: false });
      });
    await this.#recognise(page);
    return page;
  }

  /** A window for another page: the one that is used, or a new one where that does not answer. */
  async window(): Promise<Page> {
    if (this.#isStuck) await this.tabs.closeCurrent();
    this.#isStuck = false;
    return this.tabs.open();
  }

  noteStuck(): void {
    this.#isStuck = true;
  }

  /** Looks at a page. From now on elements have the names that they have in this view. */
  async look(page: Page, part: Locator | null = null): Promise<PageView> {
    const options = { mode: "ai", timeout: this.settings.loadTimeoutMs } as const;
    const snapshot = await (part ?? page).ariaSnapshot(options).catch((thrown: unknown) => {
      this.noteStuck();
      throw pageFailure(thrown, { what: "Looking at the page", executed: false });
    });
    this.#lastView = Math.max(this.#lastView + 1, placeOf(this.#call));
    this.#view = { page, number: this.#lastView, text: numberedRefs(withOwnRefs(snapshot), this.#lastView) };
    return this.#view;
  }

  /** A page that shows what it showed when the session came to rest: what the model knows of it still holds. */
  async #recognise(page: Page): Promise<void> {
    const { view } = this.#parts.kept ?? { view: null };
    if (view === null || page.url() !== this.#parts.kept?.url) return;
    await page.waitForLoadState("load", { timeout: this.settings.actionTimeoutMs }).catch(() => undefined);
    const timeout = this.settings.loadTimeoutMs;
    const snapshot = await page.ariaSnapshot({ mode: "ai", timeout }).catch(() => null);
    const renamed = snapshot === null ? null : sameElements(withOwnRefs(snapshot), view.text);
    if (renamed === null) return;
    this.#lastView = Math.max(this.#lastView, view.number);
    this.#view = { ...view, page, renamed };
  }

  /** @throws ToolError when the reference is of another element than it is taken for. */
  checkName(ref: string, name: string | undefined): void {
    if (name === undefined || this.#view === null || isCalled(ref, name, this.#view)) return;
    throw notDone("ref", `${ref} is not ${name.slice(0, 100)}. Take it as the newest view has it.`);
  }

  /** @throws ToolError when the reference is not of the newest view of the page that is used. */
  locate(ref: string): Locator {
    return locate(ref, this.#view, this.tabs.current);
  }

  /** Waits for what an action has set going, as far as that shows at once: another document, files. */
  async settle(page: Page): Promise<void> {
    const { context } = this.#parts;
    const { actionTimeoutMs } = this.settings;
    await page.waitForTimeout(SETTLE_MS).catch(() => undefined);
    const { opening } = this.tabs;
    if (opening !== null) await within(context, actionTimeoutMs, opening);
    const now = this.tabs.current ?? page;
    if (opening !== null) await now.waitForTimeout(SETTLE_MS).catch(() => undefined);
    const loading = this.tabs.loadingOf(now);
    if (loading !== null) await within(context, actionTimeoutMs, loading);
    if (this.tabs.loadingOf(now) !== null) this.notes.add("The page is still being loaded.");
    await this.downloads.settled();
  }

  /** Keeps cookies, storage and address for when the session goes on. Never rejects. */
  async keep(): Promise<void> {
    const { context, workspace } = this.#parts;
    this.#noteUrl();
    try {
      const storage = await within(context, SAVE_MS, context.storageState());
      if (storage !== undefined) {
        const view = this.#view?.page === this.tabs.current ? this.#view : null;
        const shown = view === null ? null : { number: view.number, text: view.text };
        await writeKept(workspace, { url: this.#url, view: shown, storage });
      }
    } catch {
      // Its browser has ended: what was kept before stays.
    }
  }

  async close(): Promise<void> {
    const { context, proxy } = this.#parts;
    await within(
      context,
      SAVE_MS,
      context.close().catch(() => undefined),
    );
    await proxy.close();
  }

  #noteUrl(): void {
    const url = this.tabs.current?.url() ?? "";
    if (/^https?:/.test(url)) this.#url = url;
  }
}

/**
 * Where in the journal the model asked for this call. Views are numbered from there on, so that what a process before this one has
 * shown never has the number of what this one shows.
 */
const placeOf = (call: ToolContext | null): number => modelCallOf(call?.callId ?? "");
