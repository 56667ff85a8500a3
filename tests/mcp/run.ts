/**
 * Runs every client scenario of the protocol's conformance suite against a client made of mcpTools, and then calls tools of servers
 * that others have made: `npm run mcp`, or `npm run mcp -- --only auth/` for scenarios whose names begin so.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { callRealServers } from "./real-servers.ts";

const run = promisify(execFile);
const here = import.meta.dirname;
const suite = join(here, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const options = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"];
const client = [process.execPath, ...options, join(here, "conformance-client.ts")].join(" ");

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });

const listScenarios = async (): Promise<readonly string[]> => {
  const { stdout } = await run(process.execPath, [suite, "list", "--client"]);
  return stdout.split("\n").flatMap((line) => /^ +- (\S+)/.exec(line)?.[1] ?? []);
};

/** The last lines of what the suite says; null when the scenario passed. */
const failureOf = async (scenario: string): Promise<string | null> => {
  const args = [suite, "client", "--command", client, "--scenario", scenario, "--timeout", "60000"];
  try {
    const { stdout, stderr } = await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
    return /OVERALL: PASSED/.test(stdout + stderr) ? null : (stdout + stderr).slice(-2_000);
  } catch (thrown) {
    return String((thrown as { stdout?: string }).stdout ?? thrown).slice(-2_000);
  }
};

const scenarios = (await listScenarios()).filter((name) => name.startsWith(values.only));
let failed = 0;
for (const scenario of scenarios) {
  const failure = await failureOf(scenario);
  console.log(`${failure === null ? "passed" : "FAILED"} ${scenario}`);
  if (failure === null) continue;
  failed += 1;
  console.log(failure);
}
if (values.only === "") failed += await callRealServers();
console.log(`${scenarios.length} scenarios and the servers of others: ${failed} failed`);
process.exitCode = failed === 0 && scenarios.length > 0 ? 0 : 1;
