import type { MemoryHit } from "../../ports/index.ts";
import { withMemory } from "../memories/with-memory.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { FILTERS, filterOf, TENANT, tenantOf } from "../parsing/memory-options.ts";
import { describeScope, textLines } from "../printing/describe-memory.ts";
import { relativeTime } from "../printing/format.ts";
import type { Channel } from "../printing/terminal.ts";

const MOST_HITS = 10;

export const memorySearch: Command = {
  args: [{ name: "words", isRequired: true, about: "what to look for, in quotes" }],
  options: {
    tenant: TENANT,
    user: {
      type: "string",
      value: "<name>",
      about: "search as this user; as nobody in particular without it",
    },
    agent: { type: "string", value: "<name>", about: "in a session of this agent" },
    session: { type: "string", value: "<id>", about: "in this session" },
    ...FILTERS,
    limit: { type: "string", value: "<count>", about: `how many (${MOST_HITS})` },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Finds what a model is shown that recalls these words for that user: what is for them, and what is for everybody " +
      "of the tenant; nothing that is quarantined, replaced or expired. To look through a whole tenant, use " +
      "`holdfast memory list`. Found by words alone, without the embedding model that a process of yours may have.",
  ],
  run: async (call) =>
    await withMemory(call, async (memory, now) => {
      const { flags, terminal } = call;
      const named = (name: string): string | null => flags.text(name) ?? null;
      const hits = await memory.search({
        viewer: {
          tenant: tenantOf(flags),
          user: named("user"),
          agent: named("agent"),
          session: named("session"),
        },
        text: call.args[0] ?? "",
        ...filterOf(flags, now),
        now,
        limit: flags.count("limit") ?? MOST_HITS,
      });
      const { out, err } = terminal;
      if (flags.isOn("json")) out.line(JSON.stringify({ hits }));
      else if (hits.length === 0) err.line("Nothing found.");
      else for (const hit of hits) print(out, hit, now);
      return EXIT.done;
    }),
};

const print = (out: Channel, { record }: MemoryHit, now: number): void => {
  const where = `${record.kind}, ${relativeTime(record.seenAt, now)}, for ${describeScope(record)}`;
  const mark = record.trust === "quarantined" ? out.paint("yellow", "  quarantined") : "";
  out.line(`${out.paint("bold", record.id)}  ${where}${mark}`);
  for (const line of textLines(record, out.columns)) out.line(line);
};
