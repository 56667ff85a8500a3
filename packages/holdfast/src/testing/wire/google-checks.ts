import type { JsonObject } from "../../core/json.ts";
import type { Issued, Refusal } from "./wire-format.ts";
import { asObject, asObjects, asText } from "./wire-json.ts";

const NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/;

/** Google's 400. */
const googleInvalid = (message: string): Refusal => ({
  status: 400,
  body: { error: { code: 400, message, status: "INVALID_ARGUMENT" } },
});

const partsOf = (content: JsonObject | undefined): readonly JsonObject[] => asObjects(content?.["parts"]);

const count = (content: JsonObject | undefined, member: string): number =>
  partsOf(content).filter((part) => part[member] !== undefined).length;

const checkParts = (contents: readonly JsonObject[], index: number): Refusal | undefined => {
  const parts = partsOf(contents[index]);
  const at = `* GenerateContentRequest.contents[${index}].parts`;
  if (parts.length === 0) return googleInvalid(`${at}: contents.parts must not be empty.\n`);
  const hollow = parts.findIndex((part) => part["text"] === "" && part["thoughtSignature"] === undefined);
  return hollow < 0
    ? undefined
    : googleInvalid(`${at}[${hollow}].data: required oneof field 'data' must have one initialized field\n`);
};

const checkTurn = (contents: readonly JsonObject[], index: number): Refusal | undefined => {
  const [before, here] = [contents[index - 1], contents[index]];
  const calls = count(here, "functionCall");
  if (calls > 0 && before?.["role"] !== "user") {
    return googleInvalid(
      "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
    );
  }
  const asked = count(before, "functionCall");
  const answered = count(here, "functionResponse");
  if (answered > 0 && asked === 0) {
    return googleInvalid(
      "Please ensure that function response turn comes immediately after a function call turn.",
    );
  }
  return asked === answered
    ? undefined
    : googleInvalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
      );
};

/** The skip marker that Google documents for calls of other models. */
const SKIP = "skip_thought_signature_validator";

const checkSignatures = (contents: readonly JsonObject[], issued: Issued): Refusal | undefined => {
  for (const content of contents) {
    for (const part of partsOf(content)) {
      const signature = asText(part["thoughtSignature"]);
      if (signature !== "" && signature !== SKIP && !issued.seals.has(signature)) {
        return googleInvalid("Thought signature is not valid.");
      }
      const name = asText(asObject(part["functionCall"])["name"]);
      const expected = [...issued.seals].some(([, call]) => call === name && name !== "");
      if (expected && signature === "") {
        return googleInvalid(
          `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. Function call \`default_api:${name}\`.`,
        );
      }
    }
  }
  return undefined;
};

const checkTools = (body: JsonObject): Refusal | undefined => {
  const declared = asObjects(body["tools"]).flatMap((tool) => asObjects(tool["functionDeclarations"]));
  const index = declared.findIndex((tool) => !NAME.test(asText(tool["name"])));
  return index < 0
    ? undefined
    : googleInvalid(
        `* GenerateContentRequest.tools[0].function_declarations[${index}].name: [FIELD_INVALID] Invalid function name. Must start with a letter or an underscore.\n`,
      );
};

/** What Google's generateContent refuses. */
export const checkGoogle = (body: JsonObject, issued: Issued): Refusal | undefined => {
  const contents = asObjects(body["contents"]);
  if (contents.length === 0)
    return googleInvalid("* GenerateContentRequest.contents: contents is not specified\n");
  for (const index of contents.keys()) {
    const bad = checkParts(contents, index) ?? checkTurn(contents, index);
    if (bad !== undefined) return bad;
  }
  if (count(contents.at(-1), "functionCall") > 0) {
    return googleInvalid(
      "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    );
  }
  return checkTools(body) ?? checkSignatures(contents, issued);
};
