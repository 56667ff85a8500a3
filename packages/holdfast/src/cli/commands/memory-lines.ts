import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { NotFoundError } from "../../core/index.ts";
import { linesOf } from "../memories/lines-of.ts";
import { withMemory, withNewMemory } from "../memories/with-memory.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { TENANT, tenantOf } from "../parsing/memory-options.ts";

export const memoryExport: Command = {
  args: [],
  options: {
    tenant: TENANT,
    user: { type: "string", value: "<name>", about: "only what is for this user" },
    "data-dir": DATA_DIR,
    json: { type: "boolean", about: "a record a line is JSON already" },
  },
  notes: [
    "A record a line, superseded and quarantined ones too, the newest first; `holdfast memory import` reads it.",
  ],
  run: async (call) =>
    await withMemory(call, async (memory) => {
      const { exportMemory } = await import("../../memory/index.ts");
      const user = call.flags.text("user");
      const whose = { tenant: tenantOf(call.flags), ...(user === undefined ? {} : { user }) };
      for await (const line of exportMemory(memory, whose)) call.terminal.out.write(line);
      return EXIT.done;
    }),
};

export const memoryImport: Command = {
  args: [{ name: "file", isRequired: true, about: 'what was exported; "-" reads stdin' }],
  options: {
    tenant: { ...TENANT, about: "where it goes, whatever tenant it comes from (none)" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Doing it again changes nothing. Makes the memory where there is none. Whoever can write the file says what is " +
      "trusted in it.",
  ],
  run: async (call) => {
    const [file = ""] = call.args;
    if (file !== "-" && !existsSync(resolve(call.cwd, file)))
      throw new NotFoundError("MEMORY_NOT_FOUND", `There is no file ${file}.`, {
        hint: "`holdfast memory export > <file>` writes one.",
      });
    return await withNewMemory(call, async (memory, now) => {
      const { importMemory } = await import("../../memory/index.ts");
      const counts = await importMemory(memory, linesOf(file, call.cwd), {
        tenant: tenantOf(call.flags),
        now,
      });
      const { out, err } = call.terminal;
      if (call.flags.isOn("json")) out.line(JSON.stringify(counts));
      else err.line(`${counts.added} added, ${counts.known} known before, ${counts.stale} stale.`);
      return EXIT.done;
    });
  },
};
