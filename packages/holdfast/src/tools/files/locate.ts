import { basename, relative, sep } from "node:path";
import { openFolder, type OpenFolder } from "../../definitions/open-folder.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { notDone } from "./file-failure.ts";

/** A place in the workspace, with no link in its path when it was looked at. */
export type Place = {
  /** The workspace. */
  readonly base: string;
  /** Names on the way to it; none for the workspace itself. */
  readonly names: readonly string[];
  /** As the model says it. */
  readonly shown: string;
};

/** Folders further in than this are not entered by listings, searches and counts, and nothing is written there. */
export const MAX_DEPTH = 40;
const MAX_PATH_CHARS = 3_000;
const MAX_SHOWN_CHARS = 200;

/**
 * Finds a place by its path. What would lie outside is refused by the workspace; what has become a link since is refused when the
 * place is opened.
 *
 * @throws ToolError when it is refused.
 */
export const locate = async ({ workspace }: ToolContext, path: string): Promise<Place> => {
  if (path.length > MAX_PATH_CHARS) throw notDone("This path is too long.");
  if (path.includes("\\")) throw notDone(`Paths are written with / and without backslashes: "${path}".`);
  const base = await workspace.path();
  const names = relative(base, await workspace.resolve(path))
    .split(sep)
    .filter((name) => name !== "");
  if (names[0] === OWN_FOLDER) throw notDone(`"${OWN_FOLDER}" is for the tools' own notes.`);
  return { base, names, shown: names.join("/") };
};

/** The name of a file in its folder. */
export const nameOf = ({ names, shown }: Place): string => {
  const name = names.at(-1);
  if (name === undefined) throw notDone(`This is the workspace itself, not a file: "${shown}".`);
  return basename(name);
};

/** @throws ToolError when a file would stand so deep that nothing finds or counts it again. */
export const checkDepth = ({ names, shown }: Place): void => {
  if (names.length - 1 <= MAX_DEPTH) return;
  throw notDone(
    `"${shown.slice(0, MAX_SHOWN_CHARS)}" is too deep: files are written in at most ${MAX_DEPTH} folders within each other. Choose a shorter path.`,
  );
};

/** Opens the folder that a file is in. */
export const openParent = ({ base, names }: Place, isMade = false): Promise<OpenFolder> =>
  openFolder({ base, names: names.slice(0, -1), isMade });
