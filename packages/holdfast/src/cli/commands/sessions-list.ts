import type { ListedSession } from "../../ports/index.ts";
import type { SessionQuery } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { openViewer } from "../sessions/data-dir.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { relativeTime } from "../printing/format.ts";
import { statusStyle } from "../printing/status-style.ts";
import { type Column, renderTable } from "../printing/table.ts";

const STATUSES = ["pending", "running", "suspended", "completed", "failed", "cancelled"] as const;
const WAITS = [
  "retry",
  "verification",
  "approval",
  "result",
  "resolution",
  "definition",
  "operator",
  "budget",
  "budget-period",
] as const;
const PAGE = 20;

export const sessionsList: Command = {
  args: [],
  options: {
    agent: { type: "string", value: "<name>", about: "only sessions of this agent" },
    status: { type: "string", value: "<status>", about: STATUSES.join(", ") },
    waiting: { type: "string", value: "<kind>", about: `suspended and waiting for: ${WAITS.join(", ")}` },
    tenant: { type: "string", value: "<name>", about: "only sessions of this tenant" },
    user: { type: "string", value: "<name>", about: "only sessions of this user" },
    limit: { type: "string", value: "<count>", about: `how many (${PAGE})` },
    cursor: { type: "string", value: "<cursor>", about: "the page after the one that gave this cursor" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  run: async (call) => {
    const query = queryOf(call.flags);
    await using runtime = await openViewer(call);
    const page = await runtime.listSessions(query);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify(page));
      return EXIT.done;
    }
    if (page.sessions.length === 0) err.line("No sessions.");
    else out.write(await render(call, page.sessions));
    if (page.cursor !== null) err.line(`More: the same with --cursor ${page.cursor}`);
    return EXIT.done;
  },
};

const TEXT_FILTERS = ["agent", "tenant", "user", "cursor"] as const;

const queryOf = (flags: Flags): SessionQuery => {
  const status = flags.oneOf("status", STATUSES);
  const waiting = flags.oneOf("waiting", WAITS);
  const given = TEXT_FILTERS.flatMap((name) => {
    const value = flags.text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(given),
    ...(status === undefined ? {} : { status }),
    ...(waiting === undefined ? {} : { waiting }),
    limit: flags.count("limit") ?? PAGE,
  };
};

const render = async ({ terminal }: Invocation, sessions: readonly ListedSession[]): Promise<string> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const now = createSystemClock().now();
  const columns: readonly Column<ListedSession>[] = [
    { title: "SESSION", of: ({ sessionId }) => sessionId },
    { title: "AGENT", of: ({ agent }) => agent, isFlexible: true },
    {
      title: "STATUS",
      of: ({ status, waiting }) => (waiting === null ? status : `waits: ${waiting}`),
      style: ({ status }) => statusStyle(status),
    },
    { title: "CHANGED", of: ({ updatedAt }) => relativeTime(updatedAt, now) },
  ];
  return renderTable(columns, sessions, terminal.out);
};
