import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

type Message = { readonly message: string };

const MESSAGE_JSON = {
  type: "object",
  properties: {
    message: { type: "string", description: "What the agent is to do, with all it needs to know." },
  },
  required: ["message"],
};

const isMessage = (value: unknown): value is Message =>
  typeof value === "object" && value !== null && "message" in value && typeof value.message === "string";

/** What an agent is told by another one, where nothing else is said. By hand, as the question of `askUserTool` is. */
export const MESSAGE: StandardSchemaV1<Message> & StandardJSONSchemaV1 = {
  "~standard": {
    version: 1,
    vendor: "holdfast",
    validate: (value) =>
      isMessage(value) ? { value } : { issues: [{ message: 'Give "message" as text.' }] },
    jsonSchema: { input: () => MESSAGE_JSON, output: () => MESSAGE_JSON },
  },
};

export const messageOf = (input: unknown): string =>
  isMessage(input) ? input.message : JSON.stringify(input);
