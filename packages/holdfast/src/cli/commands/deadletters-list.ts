import type { DeadLetter } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { type Column, renderTable } from "../printing/table.ts";
import { openViewer } from "../sessions/data-dir.ts";

const PAGE = 20;

const COLUMNS: readonly Column<DeadLetter>[] = [
  { title: "DELIVERY", of: ({ id }) => id },
  { title: "TO", of: ({ recipient }) => recipient, isFlexible: true },
  { title: "EVENT", of: ({ type }) => type },
  { title: "WHY", of: ({ failure }) => failure?.message ?? "", isFlexible: true },
];

export const deadlettersList: Command = {
  args: [],
  options: {
    tenant: { type: "string", value: "<name>", about: "only those of this tenant" },
    limit: { type: "string", value: "<count>", about: `how many (${PAGE})` },
    cursor: { type: "string", value: "<cursor>", about: "the page after the one that gave this cursor" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  run: async (call) => {
    const { flags, terminal } = call;
    const given = (["tenant", "cursor"] as const).flatMap((name) => {
      const value = flags.text(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const limit = flags.count("limit") ?? PAGE;
    await using runtime = await openViewer(call);
    const page = await runtime.deadLetters.list({ ...Object.fromEntries(given), limit });
    const { out, err } = terminal;
    if (flags.isOn("json")) {
      out.line(JSON.stringify(page));
      return EXIT.done;
    }
    if (page.deadLetters.length === 0) err.line("No dead letters.");
    else out.write(renderTable(COLUMNS, page.deadLetters, out));
    if (page.cursor !== null) err.line(`More: the same with --cursor ${page.cursor}`);
    return EXIT.done;
  },
};
