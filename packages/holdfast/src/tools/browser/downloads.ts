import { readFile, stat } from "node:fs/promises";
import type { BrowserContext, Download } from "playwright-core";
import { callFile } from "../../definitions/call-file.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { BrowserSettings } from "./browser-settings.ts";
import { notDone, pageFailure } from "./page-failure.ts";
import type { PageNotes } from "./page-notes.ts";
import type { Written } from "./watch-downloads.ts";
import { within } from "./within.ts";

/** Longest time for one file, in milliseconds. */
const DOWNLOAD_MS = 60_000;
const REMOVE_MS = 2_000;
const MAX_AT_ONCE = 5;

type DownloadsParts = {
  readonly context: BrowserContext;
  readonly settings: BrowserSettings;
  readonly notes: PageNotes;
  /** Bytes that the session has been sent so far. */
  readonly received: () => number;
};

type Running = { readonly download: Download; readonly start: number; isTooLong: boolean };

/** A file that was put into the workspace. */
export type SavedFile = { readonly path: string; readonly name: string; readonly bytes: number };

/** The files that pages offer: put into the workspace when a call made them do so, and refused at any other time. */
export class Downloads {
  readonly #parts: DownloadsParts;
  readonly #running = new Set<Running>();
  readonly #saving = new Set<Promise<void>>();
  #expected: PromiseWithResolvers<void> | null = null;
  #call: ToolContext | null = null;
  #count = 0;

  constructor(parts: DownloadsParts) {
    this.#parts = parts;
  }

  /** What is offered from now on is of this call. */
  begin(call: ToolContext): void {
    this.#call = call;
    this.#count = 0;
  }

  /** What is offered from now on is of no call, and what is not saved yet is given up. */
  end(): void {
    this.#call = null;
    for (const { download } of this.#running) void download.cancel().catch(() => undefined);
  }

  /** A file may be offered now, which `offered` waits for. */
  expect(): void {
    this.#expected = Promise.withResolvers();
  }

  /** When the file that was expected is saved, or was given up. */
  async offered(): Promise<void> {
    const { context, settings } = this.#parts;
    if (this.#expected !== null) await within(context, settings.loadTimeoutMs, this.#expected.promise);
    await this.settled();
  }

  /** When all that was offered is saved, or was given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#saving);
  }

  /** A page offers a file. */
  offer(download: Download): void {
    this.#expected?.resolve();
    const call = this.#call;
    const name = download.suggestedFilename().slice(0, 100);
    this.#count += 1;
    if (call === null || this.#count > MAX_AT_ONCE) {
      this.#parts.notes.add(`The page offered the file "${name}" by itself. It was not saved.`);
      void download.cancel().catch(() => undefined);
      return;
    }
    const saving = this.#saveNoted(download, call);
    this.#saving.add(saving);
    void saving.then(() => this.#saving.delete(saving));
  }

  /** Bytes have come in: a file that is longer than it may be is given up. */
  noteReceived(): void {
    for (const running of this.#running) {
      if (this.#parts.received() - running.start <= this.#parts.settings.maxDownloadBytes) continue;
      this.#giveUp(running);
    }
  }

  /** What came may be packed, or be made in the page itself: a file is given up for its length on the disk too. */
  noteWritten({ url, bytes }: Written): void {
    if (bytes <= this.#parts.settings.maxDownloadBytes) return;
    for (const running of this.#running) if (running.download.url() === url) this.#giveUp(running);
  }

  #giveUp(running: Running): void {
    running.isTooLong = true;
    void running.download.cancel().catch(() => undefined);
  }

  /** @throws ToolError when it is too long, takes too long, or does not come to its end. */
  async save(download: Download, call: ToolContext): Promise<SavedFile> {
    const { received } = this.#parts;
    const running: Running = { download, start: received(), isTooLong: false };
    this.#running.add(running);
    try {
      return await this.#save(running, call);
    } finally {
      this.#running.delete(running);
      const removed = download.cancel().then(() => download.delete());
      await within(
        this.#parts.context,
        REMOVE_MS,
        removed.catch(() => undefined),
      );
    }
  }

  async #save(running: Running, call: ToolContext): Promise<SavedFile> {
    const { context, settings } = this.#parts;
    const { download } = running;
    const name = download.suggestedFilename();
    const file = await within(context, DOWNLOAD_MS, download.path()).catch((thrown: unknown) => {
      throw running.isTooLong
        ? this.#tooLong()
        : pageFailure(thrown, { what: "The download", executed: false });
    });
    if (file === undefined)
      throw notDone("timeout", `The file did not come to its end within ${DOWNLOAD_MS} ms.`);
    const { size } = await stat(file);
    if (size > settings.maxDownloadBytes) throw this.#tooLong();
    const path = callFile(call, "downloads", name);
    await call.workspace.write(path, await readFile(file));
    return { path, name, bytes: size };
  }

  #tooLong() {
    const { maxDownloadBytes } = this.#parts.settings;
    return notDone(
      "too-long",
      `The file is longer than ${maxDownloadBytes} bytes (maxDownloadBytes). It was not saved.`,
    );
  }

  async #saveNoted(download: Download, call: ToolContext): Promise<void> {
    const { notes } = this.#parts;
    try {
      const { path, bytes } = await this.save(download, call);
      notes.add(`The page offered a file; it was saved in the workspace as ${path} (${bytes} bytes).`);
    } catch (thrown) {
      notes.add(pageFailure(thrown, { what: "Saving a file that the page offered" }).message);
    }
  }
}
