import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { openFolder } from "../../definitions/open-folder.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { fileFailure } from "./file-failure.ts";
import type { FileSettings } from "./files-settings.ts";
import { fitsGlob } from "./glob.ts";
import { locate } from "./locate.ts";
import { walk, type Entry, type WalkLimit } from "./walk.ts";

type ListInput = { readonly path?: string; readonly recursive?: boolean; readonly glob?: string };

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string", description: "A folder of the workspace; the workspace itself by default." },
    recursive: {
      type: "boolean",
      description: "Whether the folders in it are listed too. False by default.",
    },
    glob: {
      type: "string",
      maxLength: 200,
      description: "Only what fits: *.md for names, src/**/*.ts for paths from the workspace.",
    },
  },
  additionalProperties: false,
};

/** Lists a folder of the workspace. */
export const listFilesTool = (settings: FileSettings): DefinedTool<ListInput, string> =>
  defineTool()({
    name: "list_files",
    description: "Lists files and folders of the workspace, with the size of files in bytes.",
    inputSchema: INPUT_SCHEMA,
    effect: "read",
    maxOutputChars: settings.maxChars + 1_000,
    // What arrives here has passed the schema.
    execute: (input, context) => list(input as ListInput, context, settings),
  }) as DefinedTool<ListInput, string>;

const list = async (input: ListInput, context: ToolContext, settings: FileSettings): Promise<string> => {
  const { path = ".", recursive = false, glob } = input;
  try {
    const { base, names, shown } = await locate(context, path);
    const limit: WalkLimit = {
      left: settings.maxEntries,
      isCut: false,
      hasDeeper: false,
      signal: context.signal,
      isDeep: recursive,
    };
    await using folder = await openFolder({ base, names, isMade: false });
    const lines: string[] = [];
    let chars = 0;
    let isCut = false;
    for await (const entry of walk({ folder, path: shown }, limit)) {
      if (glob !== undefined && !fitsGlob(entry.path, glob)) continue;
      const line = lineOf(entry);
      chars += line.length + 1;
      // That the walk was cut is known before its first entry: what it found is listed all the same.
      isCut = chars > settings.maxChars;
      if (isCut) break;
      lines.push(line);
    }
    if (isCut || limit.isCut)
      lines.push(
        `[Cut after ${lines.length} entries: there are more. List a folder further in, or with a glob.]`,
      );
    return lines.length === 0 ? "[Nothing.]" : lines.join("\n");
  } catch (thrown) {
    throw fileFailure(thrown, path);
  }
};

const lineOf = ({ path, kind, bytes }: Entry): string => {
  const shown = JSON.stringify(path).slice(1, -1);
  if (kind === "folder") return `${shown}/`;
  if (kind === "file") return `${shown}  ${bytes}`;
  return `${shown}  [${kind === "link" ? "a link, not followed" : "no plain file"}]`;
};
