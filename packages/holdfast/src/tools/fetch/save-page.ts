import { callFile } from "../../definitions/call-file.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { Fetched } from "./fetch-page.ts";

/** Puts a body into the workspace, under a name of its call: another attempt of that writes the same file. */
export const savePage = async ({ url, bytes }: Fetched, context: ToolContext): Promise<string> => {
  const path = callFile(context, "downloads", url.pathname.split("/").at(-1) ?? "");
  await context.workspace.write(path, bytes);
  return path;
};
