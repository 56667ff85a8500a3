import type { UpgradeFinding } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { existingDataDir } from "../sessions/data-dir.ts";
import type { Channel } from "../printing/terminal.ts";

export const deployCheck: Command = {
  args: [{ name: "agent.ts", isRequired: true, about: "the file that is to be deployed" }],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    "Looks at the open runs of the agents in the file, and changes nothing. Exits with 1 when something that is under way would " +
      "fail or wait: the tool of an open call is gone, its arguments no longer fit, there are fewer models, or the run is pinned to its definition or asks " +
      "first (`onUpgrade`).",
  ],
  run: async (call) => {
    const [fileName = ""] = call.args;
    const dataDir = existingDataDir(call);
    const { AgentFile } = await import("../agent-file/load-agent-file.ts");
    const { createRuntime } = await import("../../runtime/index.ts");
    const agents = [...new Set((await new AgentFile(fileName, call.cwd).load()).values())];
    await using runtime = await createRuntime({ agents, dataDir, isWorker: false });
    const findings = await runtime.checkUpgrade();
    const { out, err } = call.terminal;
    if (call.flags.isOn("json"))
      out.line(JSON.stringify({ agents: agents.map(({ name }) => name), findings }));
    else if (findings.length === 0) err.line(`${fileName} changes nothing in open sessions.`);
    else for (const finding of findings) print(out, finding);
    return findings.some(isBroken) ? EXIT.failed : EXIT.done;
  },
};

const isBroken = ({ changes }: UpgradeFinding): boolean => changes.some(({ breaks }) => breaks);

const BECOMES = {
  "goes-on": "goes on with the new definition",
  waits: "waits for its own definition",
  asks: "asks an operator",
} as const;

const print = (out: Channel, finding: UpgradeFinding): void => {
  const { sessionId, agent, status, runId, onUpgrade, becomes, changes } = finding;
  out.line(`${sessionId}  ${agent}  ${status}  ${runId ?? ""}`);
  out.line(`  ${onUpgrade}: ${BECOMES[becomes]}`);
  for (const { breaks, message } of changes) out.line(`  ${breaks ? "breaks" : "differs"}: ${message}`);
};
