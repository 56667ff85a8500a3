import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { contextOf, outputOf, programServer, toolsOf } from "./mcp-tools.fixture.ts";

const SESSIONS = 200;

/** The smallest server there is, so that hundreds can be started. */
const SMALL = `
  const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = (rest + chunk).split("\\n");
    rest = lines.pop();
    for (const { id, method } of lines.filter(Boolean).map((line) => JSON.parse(line))) {
      if (method === "initialize")
        send({ id, result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } } });
      else if (method === "tools/list") send({ id, result: { tools: [{ name: "go", inputSchema: { type: "object" } }] } });
      else if (method === "tools/call") send({ id, result: { content: [{ type: "text", text: "went" }] } });
      else if (id !== undefined) send({ id, error: { code: -32601, message: "no" } });
    }
  });`;

/** Processes whose parent, or whose parent's parent, we are. */
const below = async (): Promise<number> => {
  const parents = new Map<number, number>();
  for (const entry of await readdir("/proc")) {
    const stat = /^\d+$/.test(entry) ? await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "") : "";
    const [, pid, state, parent] = /^(\d+) \(.*\) (\S) (\d+)/s.exec(stat) ?? [];
    if (pid !== undefined && state !== "Z") parents.set(Number(pid), Number(parent));
  }
  const isOurs = (pid: number, depth = 0): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && depth < 6 && (parent === process.pid || isOurs(parent, depth + 1));
  };
  return [...parents.keys()].filter((pid) => isOurs(pid)).length;
};

const descriptors = async (): Promise<number> => (await readdir("/proc/self/fd")).length;

it(`R4 nothing is left of ${SESSIONS} sessions, each with a process of its own`, async () => {
  const { tools, tool } = await toolsOf(programServer(SMALL));
  const go = async (session: number): Promise<void> => {
    const { context } = contextOf({ sessionId: `session-${session}` });
    expect(await outputOf(tool("go"), {}, context)).toEqual({ type: "text", value: "went" });
    // Half come to rest; the others are closed with everything.
    if (session % 2 === 0) await tools[0]?.resource?.rest(context.session.id);
  };
  await go(0);
  const [processes, open] = [await below(), await descriptors()];
  for (let session = 2; session < SESSIONS; session += 10)
    await Promise.all(Array.from({ length: 10 }, (_, more) => go(session + more)));
  expect(tools[0]?.resource?.held()["processes"]).toBeGreaterThan(SESSIONS / 3);
  await tools[0]?.resource?.close();
  expect(tools[0]?.resource?.held()).toEqual({ processes: 0 });
  expect(await below()).toBeLessThanOrEqual(processes);
  expect(await descriptors()).toBeLessThanOrEqual(open + 2);
});
