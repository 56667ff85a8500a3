import type { DeadLetter } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { DELIVERY } from "../parsing/delivery-argument.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { plural } from "../printing/format.ts";
import type { Channel } from "../printing/terminal.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const deadlettersShow: Command = {
  args: [DELIVERY],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const letter = await runtime.deadLetters.get(call.args[0] ?? "");
    const { out } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify(letter));
    else print(out, letter);
    return EXIT.done;
  },
};

const NAME_WIDTH = 10;

const print = (out: Channel, letter: DeadLetter): void => {
  const { id, recipient, tenant, attempts, failure } = letter;
  const facts: readonly (Fact | null)[] = [
    ["delivery", out.paint("bold", id)],
    ["to", `${recipient}${letter.isEscalation ? ", by escalation" : ""}`],
    ...placeOf(letter),
    tenant === null ? null : ["for", tenant],
    ["given up", `after ${plural(attempts, "attempt")}`],
    failure === null ? null : ["why", `${failure.code}: ${failure.message}`],
  ];
  for (const fact of facts) if (fact !== null) out.line(`${fact[0].padEnd(NAME_WIDTH)}${fact[1]}`);
};

type Fact = readonly [string, string];

const placeOf = (letter: DeadLetter): readonly Fact[] =>
  "circuit" in letter
    ? [["event", `${letter.type}, ${letter.circuit.name}`]]
    : [
        ["agent", letter.agent],
        ["event", `${letter.type}, ${letter.runId}`],
        ["at", `${letter.sessionId}, position ${letter.position}`],
      ];
