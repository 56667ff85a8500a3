import type { MemoryListQuery, MemoryRecord } from "../../ports/index.ts";
import { withMemory } from "../memories/with-memory.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { FILTERS, filterOf, TENANT, tenantOf } from "../parsing/memory-options.ts";
import { describeScope, describeStanding, standingStyle } from "../printing/describe-memory.ts";
import { relativeTime } from "../printing/format.ts";
import { type Column, renderTable } from "../printing/table.ts";

const PAGE = 20;

export const memoryList: Command = {
  args: [],
  options: {
    tenant: TENANT,
    user: { type: "string", value: "<name>", about: "only what is for this user" },
    ...FILTERS,
    all: { type: "boolean", about: "what was superseded or corrected, too" },
    quarantined: { type: "boolean", about: "only what waits for an operator to promote it" },
    limit: { type: "string", value: "<count>", about: `how many (${PAGE})` },
    cursor: { type: "string", value: "<cursor>", about: "the page after the one that gave this cursor" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: ["Everything of one tenant, as its operator sees it, the newest first."],
  run: async (call) =>
    await withMemory(call, async (memory, now) => {
      const page = await memory.list(queryOf(call.flags, now));
      const { out, err } = call.terminal;
      if (call.flags.isOn("json")) {
        out.line(JSON.stringify(page));
        return EXIT.done;
      }
      if (page.records.length === 0) err.line("No memories.");
      else out.write(render(call, page.records, now));
      if (page.cursor !== null) err.line(`More: the same with --cursor ${page.cursor}`);
      return EXIT.done;
    }),
};

const queryOf = (flags: Flags, now: number): MemoryListQuery => {
  const user = flags.text("user");
  const cursor = flags.text("cursor");
  return {
    reader: { operatorOf: tenantOf(flags) },
    ...filterOf(flags, now),
    ...(user === undefined ? {} : { user }),
    ...(flags.isOn("quarantined") ? { trust: "quarantined" as const } : {}),
    all: flags.isOn("all"),
    ...(cursor === undefined ? {} : { cursor }),
    limit: flags.count("limit") ?? PAGE,
  };
};

const render = ({ terminal }: Invocation, records: readonly MemoryRecord[], now: number): string => {
  const standing: Column<MemoryRecord> = {
    title: "STANDING",
    of: (record) => describeStanding(record, now),
    style: (record) => standingStyle(describeStanding(record, now)),
  };
  const columns: readonly Column<MemoryRecord>[] = [
    { title: "MEMORY", of: ({ id }) => id },
    ...(records.some((record) => standing.of(record) !== "") ? [standing] : []),
    { title: "SEEN", of: ({ seenAt }) => relativeTime(seenAt, now) },
    { title: "FOR", of: describeScope, isFlexible: true },
    { title: "SAYS", of: ({ text }) => text, isFlexible: true },
  ];
  return renderTable(columns, records, terminal.out);
};
