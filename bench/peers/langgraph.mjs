/** LangGraph.js as a user has it: a graph of model and tools, checkpointed by its SQLite saver, default options. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import {
  ANSWER,
  callOfTurn,
  INSTRUCTIONS,
  lookInput,
  QUESTION,
  RESULT,
  TOOL_DESCRIPTION,
  TOOL_NAME,
  USED,
} from "../workload.mjs";

const USAGE = {
  input_tokens: USED.input,
  output_tokens: USED.output,
  total_tokens: USED.input + USED.output,
};

/** A chat model that answers at once from the messages it is handed. */
class BenchChatModel extends BaseChatModel {
  #turns;
  #calls = 0;

  constructor(turns) {
    super({});
    this.#turns = turns;
  }

  _llmType() {
    return "scripted";
  }

  async _generate(messages) {
    this.#calls += 1;
    const said = messages.findLast((message) => AIMessage.isInstance(message));
    const turn = said === undefined ? 0 : said.tool_calls[0].args.n + 1;
    const args = callOfTurn(turn, this.#turns);
    const message =
      args === null
        ? { content: ANSWER }
        : { content: "", tool_calls: [{ id: `call_${this.#calls}`, name: TOOL_NAME, args }] };
    return {
      generations: [{ text: message.content, message: new AIMessage({ ...message, usage_metadata: USAGE }) }],
    };
  }
}

const compile = (turns, checkpointer) => {
  const model = new BenchChatModel(turns);
  const look = tool(() => RESULT, { name: TOOL_NAME, description: TOOL_DESCRIPTION, schema: lookInput });
  const system = new SystemMessage(INSTRUCTIONS);
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", async ({ messages }) => ({ messages: [await model.invoke([system, ...messages])] }))
    .addNode("tools", new ToolNode([look]))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", toolsCondition)
    .addEdge("tools", "agent")
    .compile({ checkpointer });
};

/** Opens the peer; `run(sessions)` answers when that many threads have had all their turns. */
export const openPeer = async ({ dataDir, turns }) => {
  mkdirSync(dataDir, { recursive: true });
  const saver = SqliteSaver.fromConnString(join(dataDir, "checkpoints.db"));
  const graph = compile(turns, saver);
  let threads = 0;
  const runThread = async () => {
    threads += 1;
    // Two steps a turn, and one to begin with.
    const config = { configurable: { thread_id: `thread_${threads}` }, recursionLimit: 2 * turns + 1 };
    const { messages } = await graph.invoke({ messages: [new HumanMessage(QUESTION)] }, config);
    // The question, an answer a turn, and a result for each but the last.
    if (messages.length !== 2 * turns || messages.at(-1).content !== ANSWER) {
      throw new Error(`A thread ended otherwise than it should: ${messages.length} messages`);
    }
  };
  return {
    run: async (sessions) => void (await Promise.all(Array.from({ length: sessions }, runThread))),
    close: async () => void saver.db.close(),
  };
};
