import { constants } from "node:fs";
import { rename } from "node:fs/promises";
import type { BrowserContext } from "playwright-core";
import { z } from "zod";
import { openFolder, openPlainFile } from "../../definitions/open-folder.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import type { Workspace } from "../../ports/tool.ts";

type StorageState = Awaited<ReturnType<BrowserContext["storageState"]>>;

/** What is kept of a browser while its session rests. */
export type KeptState = {
  /** Where its page was; null where it had none. */
  readonly url: string | null;
  /** What was shown of it last, and its number; null where that was nothing, or too much. */
  readonly view: { readonly number: number; readonly text: string } | null;
  /** Cookies, and what sites have stored (`localStorage`). */
  readonly storage: StorageState;
};

const FILE = "browser.json";
const MAX_BYTES = 10_000_000;
const MAX_VIEW_CHARS = 500_000;
const READ = constants.O_RDONLY;
const WRITE = constants.O_WRONLY | constants.O_CREAT;

const ENTRY = z.object({ name: z.string(), value: z.string() });

const KEPT: z.ZodType<KeptState> = z.object({
  url: z.url({ protocol: /^https?$/ }).nullable(),
  view: z.object({ number: z.number().int().positive(), text: z.string() }).nullable(),
  storage: z.object({
    cookies: z.array(
      z.object({
        name: z.string(),
        value: z.string(),
        domain: z.string(),
        path: z.string(),
        expires: z.number(),
        httpOnly: z.boolean(),
        secure: z.boolean(),
        sameSite: z.enum(["Strict", "Lax", "None"]),
        partitionKey: z.string().optional(),
      }),
    ),
    origins: z.array(z.object({ origin: z.string(), localStorage: z.array(ENTRY) })),
  }),
});

/** What was kept; null where there is nothing, or nothing that can be read. */
export const readKept = async (workspace: Workspace): Promise<KeptState | null> => {
  try {
    await using folder = await openFolder({
      base: await workspace.path(),
      names: [OWN_FOLDER],
      isMade: false,
    });
    await using file = await openPlainFile(folder, FILE, READ);
    if ((await file.stat()).size > MAX_BYTES) return null;
    return KEPT.parse(JSON.parse(await file.readFile("utf8")));
  } catch {
    return null;
  }
};

/** Keeps it, whole or not at all; false where it is more than is kept. */
export const writeKept = async (workspace: Workspace, kept: KeptState): Promise<boolean> => {
  const view = (kept.view?.text.length ?? 0) > MAX_VIEW_CHARS ? null : kept.view;
  const text = JSON.stringify({ ...kept, view });
  if (Buffer.byteLength(text) > MAX_BYTES) return false;
  await using folder = await openFolder({ base: await workspace.path(), names: [OWN_FOLDER], isMade: true });
  await writeDraft(folder, text);
  await rename(folder.entry(`${FILE}.draft`), folder.entry(FILE));
  await folder.sync();
  return true;
};

const writeDraft = async (folder: Parameters<typeof openPlainFile>[0], text: string): Promise<void> => {
  await using file = await openPlainFile(folder, `${FILE}.draft`, WRITE);
  await file.truncate(0);
  await file.writeFile(text);
  await file.sync();
};
