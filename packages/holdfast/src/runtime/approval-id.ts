import { NotFoundError } from "../core/errors.ts";
import type { CallId, SessionId } from "../core/ids.ts";

/** One question about one call. A call that is asked about again has another. */
export type ApprovalPlace = { readonly sessionId: SessionId; readonly callId: CallId; readonly ask: number };

/** Names one approval everywhere: it says where it belongs, and is no secret. */
export const approvalIdOf = ({ sessionId, callId, ask }: ApprovalPlace): string =>
  `apr_${sessionId.slice("ses_".length)}_${callId.slice("call_".length)}_${ask}`;

const FORM = /^apr_(.+)_(\d{1,15})_(\d{1,15})_(\d{1,15})$/;

/** Where an approval belongs, or null for what is no approval's id. */
export const approvalPlace = (approvalId: string): ApprovalPlace | null => {
  const found = FORM.exec(approvalId);
  if (found === null) return null;
  const [, session = "", position = "", index = "", ask = ""] = found;
  return { sessionId: `ses_${session}`, callId: `call_${position}_${index}`, ask: Number(ask) };
};

export const approvalNotFound = (approvalId: string): NotFoundError =>
  new NotFoundError("APPROVAL_NOT_FOUND", `There is no approval ${approvalId} here.`, {
    hint: "`session.pending()` and `holdfast approvals list` give the ids of those that wait.",
    details: { approvalId },
  });
