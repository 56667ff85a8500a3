import type { PendingApproval, PendingPage } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { describeInput } from "../printing/describe-approval.ts";
import { relativeTime } from "../printing/format.ts";
import { type Column, renderTable } from "../printing/table.ts";
import { openViewer } from "../sessions/data-dir.ts";

const PAGE = 50;
const FILTERS = ["agent", "tenant", "user", "cursor"] as const;

export const approvalsList: Command = {
  args: [],
  options: {
    session: { type: "string", value: "<id>", about: "only those of this session" },
    agent: { type: "string", value: "<name>", about: "only those of this agent" },
    tenant: { type: "string", value: "<name>", about: "only those of this tenant" },
    user: { type: "string", value: "<name>", about: "only those of this user" },
    limit: { type: "string", value: "<count>", about: `from how many sessions (${PAGE})` },
    cursor: { type: "string", value: "<cursor>", about: "the page after the one that gave this cursor" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const sessionId = call.flags.text("session");
    const page: PendingPage =
      sessionId === undefined
        ? await runtime.pending({ kind: "approval", ...queryOf(call) })
        : { pending: await (await runtime.getSession(sessionId)).pending(), cursor: null };
    const { out, err } = call.terminal;
    const asks = page.pending.filter((one) => one.kind === "approval");
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify({ approvals: asks, cursor: page.cursor }));
      return EXIT.done;
    }
    if (asks.length === 0) err.line("Nothing waits for approval.");
    else out.write(await render(call, asks));
    if (page.cursor !== null) err.line(`More: the same with --cursor ${page.cursor}`);
    return EXIT.done;
  },
};

const queryOf = ({ flags }: Invocation): { readonly limit: number } => ({
  ...Object.fromEntries(
    FILTERS.flatMap((name) => {
      const value = flags.text(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  ),
  limit: flags.count("limit") ?? PAGE,
});

const render = async ({ terminal }: Invocation, asks: readonly PendingApproval[]): Promise<string> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const now = createSystemClock().now();
  const columns: readonly Column<PendingApproval>[] = [
    { title: "APPROVAL", of: ({ approvalId }) => approvalId },
    { title: "CALL", of: (ask) => `${ask.tool} ${describeInput(ask)}`, isFlexible: true },
    { title: "ASKED", of: ({ askedAt }) => relativeTime(askedAt, now) },
  ];
  return renderTable(columns, asks, terminal.out);
};
