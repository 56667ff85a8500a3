import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { ToolReport } from "../doctor/look-at-tools.ts";
import { existingDataDir, hasDataDir, shownDataDir } from "../sessions/data-dir.ts";
import { readVersion } from "../printing/version.ts";

export const doctor: Command = {
  args: [{ name: "agent.ts", isRequired: false, about: "also asks what its tools need whether it answers" }],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    "Reads and verifies every event. Exits with 1 when something is damaged, and says which sessions, where, and " +
      "what of them can still be read. Keys are looked for and never shown.",
    "With an agent file it asks the databases, servers and sandboxes behind its tools whether they answer, and exits with 1 when one " +
      "does not; then there need be no data directory yet.",
  ],
  run: async (call) => {
    const { terminal, flags, cwd, env } = call;
    const { lookAtModels } = await import("../doctor/look-at-models.ts");
    const { printDataDir, printMachine, printProviders, printTools } =
      await import("../doctor/print-findings.ts");
    const machine = {
      holdfast: readVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    };
    const providers = lookAtModels(cwd, env);
    const isJson = flags.isOn("json");
    if (!isJson) {
      printMachine(terminal.out, machine);
      printProviders(terminal.out, providers);
    }
    const tools = await toolsOf(call);
    const areWell = tools.every(({ state }) => state !== "failed");
    if (!isJson && call.args[0] !== undefined) printTools(terminal.out, tools);
    if (call.args[0] !== undefined && !hasDataDir(call)) {
      if (isJson) terminal.out.line(JSON.stringify({ ...machine, providers, tools }));
      return areWell ? EXIT.done : EXIT.failed;
    }
    const dataDir = existingDataDir(call);
    const { lookAtDataDir } = await import("../doctor/look-at-data-dir.ts");
    const findings = await lookAtDataDir(dataDir);
    if (isJson) terminal.out.line(JSON.stringify({ ...machine, providers, tools, dataDir, ...findings }));
    else printDataDir(terminal.out, { ...findings, dataDir: shownDataDir(call) });
    const isWhole = findings.failure === null && findings.damages.length === 0;
    return isWhole && areWell ? EXIT.done : EXIT.failed;
  },
};

const toolsOf = async ({ args, cwd }: Invocation): Promise<readonly ToolReport[]> => {
  const [fileName] = args;
  if (fileName === undefined) return [];
  const { AgentFile } = await import("../agent-file/load-agent-file.ts");
  const { lookAtTools } = await import("../doctor/look-at-tools.ts");
  return lookAtTools((await new AgentFile(fileName, cwd).load()).values());
};
