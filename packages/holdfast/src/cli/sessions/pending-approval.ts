import { ConflictError, NotFoundError } from "../../core/index.ts";
import type { PendingApproval, Runtime } from "../../runtime/index.ts";
import type { ArgumentSpec } from "../parsing/command.ts";

export const APPROVAL: ArgumentSpec = {
  name: "approval",
  isRequired: true,
  about: "an approval's id, as `holdfast approvals list` shows it",
};

/** The approval of this id, which waits. @throws NotFoundError, ConflictError */
export const pendingApproval = async (runtime: Runtime, approvalId: string): Promise<PendingApproval> => {
  const sessionId = sessionIn(approvalId);
  if (sessionId === null) {
    throw new NotFoundError("APPROVAL_NOT_FOUND", `"${approvalId}" is not the id of an approval.`, {
      hint: "`holdfast approvals list` shows the ids; they begin with apr_.",
    });
  }
  const pending = await (await runtime.getSession(sessionId)).pending();
  const found = pending.find((one) => one.kind === "approval" && one.approvalId === approvalId);
  if (found?.kind === "approval") return found;
  throw new ConflictError("APPROVAL_NOT_WAITING", "This approval does not wait for a decision.", {
    hint: `It was decided, has expired, or is asked under another id. \`holdfast sessions events ${sessionId}\` says which.`,
  });
};

const sessionIn = (approvalId: string): string | null => {
  const found = /^apr_(.+)_\d+_\d+_\d+$/.exec(approvalId);
  return found === null ? null : `ses_${found[1] ?? ""}`;
};
