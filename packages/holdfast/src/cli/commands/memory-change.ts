import type { MemoryChange } from "../../ports/index.ts";
import { changeOne, type Done } from "../memories/change-one.ts";
import { withMemory } from "../memories/with-memory.ts";
import {
  type ArgumentSpec,
  type Command,
  DATA_DIR,
  type Invocation,
  JSON_OUT,
  type OptionSpec,
} from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { MEMORY, TENANT, tenantOf } from "../parsing/memory-options.ts";
import { plural } from "../printing/format.ts";

type Change = {
  readonly args?: readonly ArgumentSpec[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly notes: readonly string[];
  readonly change: (id: string, call: Invocation) => Extract<MemoryChange, { readonly id: string }>;
  readonly says: (done: Done, id: string) => string;
};

const changing = ({ args = [], options = {}, notes, change, says }: Change): Command => ({
  args: [MEMORY, ...args],
  options: { tenant: TENANT, ...options, "data-dir": DATA_DIR, json: JSON_OUT },
  notes,
  run: async (call) =>
    await withMemory(call, async (memory, now) => {
      const id = call.args[0] ?? "";
      const tenant = tenantOf(call.flags);
      const done = await changeOne(memory, { change: change(id, call), tenant, now });
      const { out, err } = call.terminal;
      if (call.flags.isOn("json")) out.line(JSON.stringify(done));
      else {
        if ("id" in done) out.line(done.id);
        err.line(says(done, id));
      }
      return EXIT.done;
    }),
});

export const memoryEdit = changing({
  args: [{ name: "text", isRequired: true, about: "what is so, in quotes" }],
  options: {
    "has-changed": { type: "boolean", about: "what it said was right until now; without it, it never was" },
  },
  notes: [
    "What it said is kept in its history, and no longer found. Prints the id of what is said now. Without the " +
      "embedding model of your process, the new text is found by its words alone.",
  ],
  change: (id, { args, flags }) => ({
    do: flags.isOn("has-changed") ? "supersede" : "correct",
    id,
    text: args[1] ?? "",
    origin: "operator",
  }),
  says: ({ status }, id) =>
    status === "known" ? "That is what is remembered already." : `It takes the place of ${id}.`,
});

export const memoryPromote = changing({
  notes: [
    "From then on it is seen like what was said by somebody trusted, and takes the place of what it contradicts.",
  ],
  change: (id) => ({ do: "promote", id }),
  says: ({ status }, id) =>
    status === "known" ? "It, or what says the same, is trusted already." : `${id} is trusted from now on.`,
});

export const memoryForget = changing({
  notes: [
    "Removes it with its history. It leaves the log of the database with the next erasure, or when the last process " +
      "closes the memory. What the journal of its session holds stays there.",
  ],
  change: (id) => ({ do: "forget", id }),
  says: (done, id) =>
    done.status === "forgotten" && done.ids.length > 1
      ? `${id} is forgotten, and ${plural(done.ids.length - 1, "other")} of its history.`
      : `${id} is forgotten.`,
});
