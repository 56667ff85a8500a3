import type { AgentDefinition } from "../../runtime/index.ts";
import { type Command, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { type Column, renderTable } from "../printing/table.ts";

type Tool = AgentDefinition<unknown>["tools"][number];

export const toolsList: Command = {
  args: [{ name: "agent.ts", isRequired: true, about: "a file that exports an agent" }],
  options: {
    agent: { type: "string", value: "<name>", about: "which agent, where the file exports several" },
    json: JSON_OUT,
  },
  notes: ["With --json each tool stands with its whole schema, as the model is shown it."],
  run: async ({ args, cwd, flags, terminal }) => {
    const [fileName = ""] = args;
    const { AgentFile } = await import("../agent-file/load-agent-file.ts");
    const { pickAgent } = await import("../agent-file/agents-in.ts");
    const agents = await new AgentFile(fileName, cwd).load();
    const { tools, name } = pickAgent(agents, { file: fileName, wanted: flags.text("agent") });
    if (flags.isOn("json")) terminal.out.line(JSON.stringify(tools.map(asJson)));
    else if (tools.length === 0) terminal.err.line(`Agent "${name}" has no tools.`);
    else terminal.out.write(renderTable(columnsFor(tools), tools, terminal.out));
    return EXIT.done;
  },
};

/** What no tool has takes no column. */
const columnsFor = (tools: readonly Tool[]): readonly Column<Tool>[] =>
  COLUMNS.filter(({ title, of }) => title !== AT_MOST || tools.some((tool) => of(tool) !== ""));

const AT_MOST = "AT MOST";

const mostOf = ({ limits }: Tool): string => {
  if (limits === undefined) return "";
  const { maxConcurrent, rate } = limits;
  const atOnce = maxConcurrent === null ? [] : [`${maxConcurrent} at once`];
  const often = rate === null ? [] : [`${rate.calls} in ${rate.perMs / 1_000} s`];
  return [...atOnce, ...often].join(", ");
};

const COLUMNS: readonly Column<Tool>[] = [
  { title: "TOOL", of: ({ name }) => name },
  { title: "EFFECT", of: ({ policy }) => policy.effect },
  {
    title: "TIME LIMIT",
    of: ({ policy }) => (policy.timeoutMs === 0 ? "" : `${policy.timeoutMs / 1_000} s`),
  },
  { title: "ATTEMPTS", of: ({ policy }) => String(policy.retry.maxAttempts) },
  { title: AT_MOST, of: mostOf },
  { title: "APPROVAL", of: (tool) => (mayAsk(tool) ? "by rule" : "") },
  { title: "ABOUT", of: ({ description }) => description, isFlexible: true },
];

const mayAsk = (tool: Tool): boolean => "approval" in tool && tool.approval !== undefined;

const asJson = (tool: Tool) => {
  const { name, description, inputSchema, policy, maxOutputChars, circuit, limits, fallback } = tool;
  const { effect, timeoutMs, retry, canVerify } = policy;
  return {
    name,
    description,
    inputSchema,
    effect,
    timeoutMs,
    retry,
    maxOutputChars,
    canVerify,
    mayNeedApproval: mayAsk(tool),
    ...(circuit === undefined ? {} : { circuit }),
    ...(limits === undefined ? {} : { limits: { ...limits, per: undefined, isApart: limits.per !== null } }),
    ...(fallback === undefined ? {} : { fallback }),
  };
};
