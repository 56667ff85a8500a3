import { isHoldfastError, ToolError } from "../../core/errors.ts";

/** A failure that changed nothing, and that the same call would have again. */
export const notDone = (message: string): ToolError =>
  new ToolError(message, { executed: false, retryable: false });

const MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: "There is no such file or folder",
  EEXIST: "There is something of that name already",
  EISDIR: "This is a folder, not a file",
  ENOTDIR: "A part of this path is no folder",
  ELOOP: "A part of this path is a link, which is not followed",
  ENAMETOOLONG: "This name is too long",
  EACCES: "This may not be opened",
  EPERM: "This may not be opened",
  ENOTEMPTY: "This is a folder, not a file",
  ENOSPC: "The disk is full",
  EDQUOT: "The disk is full",
};

/** What the system says about a file, in words and without the paths of this machine. */
export const fileFailure = (thrown: unknown, path: string): unknown => {
  if (isHoldfastError(thrown) || !(thrown instanceof Error) || !("code" in thrown)) return thrown;
  const { code } = thrown;
  // Not the system's: that a call was stopped, for one.
  if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) return thrown;
  const message = MESSAGES[code];
  return message === undefined
    ? new ToolError(`"${path}" could not be used (${code}).`, { executed: false })
    : notDone(`${message}: "${path}".`);
};
