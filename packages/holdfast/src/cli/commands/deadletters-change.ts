import type { Runtime } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { DELIVERY } from "../parsing/delivery-argument.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { openViewer } from "../sessions/data-dir.ts";

type Change = {
  readonly notes: readonly string[];
  readonly change: (runtime: Runtime, id: string) => Promise<void>;
  readonly says: string;
};

const changing = ({ notes, change, says }: Change): Command => ({
  args: [DELIVERY],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes,
  run: async (call) => {
    const id = call.args[0] ?? "";
    await using runtime = await openViewer(call);
    await change(runtime, id);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ id }));
    else err.line(`${id} ${says}`);
    return EXIT.done;
  },
});

export const deadlettersRetry = changing({
  notes: [
    "A process that has the recipient sends it, under the id it had, with as many attempts as a new one.",
  ],
  change: (runtime, id) => runtime.deadLetters.retry(id),
  says: "is owed again; a process that has its recipient sends it.",
});

export const deadlettersDiscard = changing({
  notes: ["The run and its journal stay as they are."],
  change: (runtime, id) => runtime.deadLetters.discard(id),
  says: "is discarded.",
});
