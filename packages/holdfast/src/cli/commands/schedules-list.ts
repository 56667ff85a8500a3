import type { Schedule, ScheduleQuery } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { describeTiming, scheduleStyle } from "../printing/describe-schedule.ts";
import { relativeTime } from "../printing/format.ts";
import { type Column, renderTable } from "../printing/table.ts";
import { openViewer } from "../sessions/data-dir.ts";

const PAGE = 20;

export const schedulesList: Command = {
  args: [],
  options: {
    agent: { type: "string", value: "<name>", about: "only schedules of this agent" },
    tenant: { type: "string", value: "<name>", about: "only schedules of this tenant" },
    limit: { type: "string", value: "<count>", about: `how many (${PAGE})` },
    cursor: { type: "string", value: "<cursor>", about: "the page after the one that gave this cursor" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const page = await runtime.schedules.list(queryOf(call.flags));
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify(page));
      return EXIT.done;
    }
    if (page.schedules.length === 0) err.line("No schedules.");
    else out.write(await render(call, page.schedules));
    if (page.cursor !== null) err.line(`More: the same with --cursor ${page.cursor}`);
    return EXIT.done;
  },
};

const queryOf = (flags: Flags): ScheduleQuery => {
  const given = (["agent", "tenant", "cursor"] as const).flatMap((name) => {
    const value = flags.text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(given), limit: flags.count("limit") ?? PAGE };
};

const render = async ({ terminal }: Invocation, schedules: readonly Schedule[]): Promise<string> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const now = createSystemClock().now();
  const columns: readonly Column<Schedule>[] = [
    { title: "SCHEDULE", of: ({ id }) => id, isFlexible: true },
    { title: "AGENT", of: ({ agent }) => agent, isFlexible: true },
    { title: "WHEN", of: describeTiming, isFlexible: true },
    {
      title: "NEXT",
      of: ({ status, nextAt }) => (nextAt === null ? status : relativeTime(nextAt, now)),
      style: ({ status }) => scheduleStyle(status),
    },
    { title: "LAST", of: ({ last }) => (last === null ? "never" : relativeTime(last.tick, now)) },
  ];
  return renderTable(columns, schedules, terminal.out);
};
