import type { MemoryRecord } from "../../ports/index.ts";
import { memoryNotFound } from "../memories/change-one.ts";
import { withMemory } from "../memories/with-memory.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { MEMORY, TENANT, tenantOf } from "../parsing/memory-options.ts";
import { isoTime } from "../printing/describe-schedule.ts";
import { memoryFacts, textLines } from "../printing/describe-memory.ts";
import type { Channel } from "../printing/terminal.ts";

export const memoryShow: Command = {
  args: [MEMORY],
  options: { tenant: TENANT, "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) =>
    await withMemory(call, async (memory, now) => {
      const id = call.args[0] ?? "";
      const tenant = tenantOf(call.flags);
      const history = await memory.history({ operatorOf: tenant }, id);
      const record = history.find((one) => one.id === id);
      if (record === undefined) throw memoryNotFound(id, tenant);
      const { out } = call.terminal;
      if (call.flags.isOn("json")) out.line(JSON.stringify({ record, history }));
      else print(out, { record, history, now });
      return EXIT.done;
    }),
};

type Shown = {
  readonly record: MemoryRecord;
  readonly history: readonly MemoryRecord[];
  readonly now: number;
};

const NAME_WIDTH = 9;

const print = (out: Channel, { record, history, now }: Shown): void => {
  const facts = [["memory", out.paint("bold", record.id)] as const, ...memoryFacts(record, now)];
  for (const [name, value] of facts) out.line(`${name.padEnd(NAME_WIDTH)}${value}`);
  out.line();
  for (const line of textLines(record, out.columns)) out.line(line);
  if (history.length < 2) return;
  out.line("\nhistory");
  for (const one of history) {
    const isThis = one.id === record.id ? out.paint("bold", one.id) : one.id;
    out.line(`  ${isThis}  ${isoTime(one.seenAt)}  ${HOW[one.revision]} ${one.origin}`);
    for (const line of textLines(one, out.columns - 2)) out.line(`  ${line}`);
  }
};

const HOW: Readonly<Record<MemoryRecord["revision"], string>> = {
  first: "said by",
  superseding: "changed by",
  correcting: "corrected by",
};
