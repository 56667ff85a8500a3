import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { approvalFacts } from "../printing/describe-approval.ts";
import { APPROVAL, pendingApproval } from "../sessions/pending-approval.ts";
import { dataDirFlag, openViewer } from "../sessions/data-dir.ts";

const NAME_WIDTH = 10;

export const approvalsShow: Command = {
  args: [APPROVAL],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) => {
    const approvalId = call.args[0] ?? "";
    await using runtime = await openViewer(call);
    const ask = await pendingApproval(runtime, approvalId);
    const { out } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify(ask));
      return EXIT.done;
    }
    const { createSystemClock } = await import("../../runtime/index.ts");
    const facts = [
      ["approval", out.paint("bold", approvalId)],
      ["session", ask.sessionId],
    ] as const;
    for (const [name, value] of [...facts, ...approvalFacts(ask, createSystemClock().now())])
      out.line(`${name.padEnd(NAME_WIDTH)}${value}`);
    out.line("");
    const dataDir = dataDirFlag(call);
    out.line(`  holdfast approvals approve ${approvalId} --by <you>${dataDir}`);
    out.line(`  holdfast approvals deny ${approvalId} --by <you> --message "<why>"${dataDir}`);
    return EXIT.done;
  },
};
