import { createHash } from "node:crypto";
import type { ToolContext } from "../../ports/tool.ts";
import type { Fetched } from "./fetch-page.ts";

/** Puts a body into the workspace, under a name of its call: another attempt of that writes the same file. */
export const savePage = async ({ url, bytes }: Fetched, context: ToolContext): Promise<string> => {
  const call = createHash("sha256").update(context.idempotencyKey).digest("hex").slice(0, 12);
  const path = `downloads/${call}-${nameOf(url)}`;
  await context.workspace.write(path, bytes);
  return path;
};

/** The last part of a URL's path as a plain file name. */
const nameOf = ({ pathname }: URL): string => {
  const name = (pathname.split("/").at(-1) ?? "").replaceAll(/[^a-zA-Z0-9._-]/g, "_").slice(-80);
  return /[a-zA-Z0-9]/.test(name) ? name : "file";
};
