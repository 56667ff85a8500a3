/** What the tests of these examples share: agents that call one tool once, and a service that answers as told. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createRuntime,
  defineAgent,
  type DefinedTool,
  type JsonObject,
  type Run,
  type Runtime,
} from "holdfast";
import { scriptedModel } from "holdfast/testing";

/** Asks for one call, then answers with what it gave. */
export const callThenTell = (name: string, input: JsonObject): ReturnType<typeof scriptedModel> =>
  scriptedModel(({ toolResults }) =>
    toolResults.length === 0
      ? { toolCalls: [{ name, input }] }
      : { text: JSON.stringify(toolResults[0]?.output.value) },
  );

export type Calling = {
  readonly dataDir: string;
  readonly input: JsonObject;
  readonly deps?: object;
  readonly secrets?: Readonly<Record<string, string>>;
};

/** A runtime with one agent that calls the tool, and its run; close the runtime when done. */
export const startCalling = async (
  tool: DefinedTool<unknown, unknown, never>,
  { dataDir, input, deps = {}, secrets = {} }: Calling,
): Promise<{ readonly runtime: Runtime; readonly run: Run }> => {
  const model = callThenTell(tool.name, input);
  const caller = defineAgent({ name: "caller", model, instructions: "Call it.", tools: [tool] });
  const runtime = await createRuntime<never>({ agents: [caller], dataDir, deps: deps as never, secrets });
  const session = await runtime.createSession(caller, { user: "ada" });
  return { runtime, run: await session.send("go") };
};

export type Answers = readonly { readonly status: number; readonly body: JsonObject }[];

/** A local HTTP service that gives these answers in turn, and remembers the keys it was sent. */
export const startService = async (answers: Answers) => {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    const { status, body } = answers[keys.length] ?? { status: 500, body: {} };
    keys.push(String(request.headers["idempotency-key"]));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, keys, stop: () => server.close() };
};
