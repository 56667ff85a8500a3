import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../core/json.ts";
import { compileSchema, type Schema } from "./schema.ts";

/** A Standard Schema that answers as it is told, at once or later. */
const answering = (answer: () => unknown): Schema =>
  ({
    "~standard": {
      version: 1,
      vendor: "test",
      validate: answer,
      jsonSchema: { input: () => ({ type: "object" }), output: () => ({ type: "object" }) },
    },
  }) as Schema;

/** Definitions, each of which is twice what the next one is. */
const doubled = (count: number): Record<string, { readonly allOf?: readonly JsonSchema[] }> =>
  Object.fromEntries([
    ...Array.from({ length: count }, (_, at) => {
      const next = { $ref: `#/$defs/d${at + 1}` };
      return [`d${at}`, { allOf: [next, next] }];
    }),
    [`d${count}`, { type: "string" }],
  ]);

const WRONG: readonly (readonly [what: string, answer: unknown])[] = [
  ["nothing", undefined],
  ["issues that are no list", { issues: {} }],
  ["an issue with a path of nothing", { issues: [{ message: "no", path: [null] }] }],
];

describe("a schema of somebody's", () => {
  it.each(WRONG)("T1 that answers %s, at once or later, is an issue and no throw", async (_, answer) => {
    for (const validate of [() => answer, async () => answer]) {
      const checked = await compileSchema(answering(validate), "it").check({});
      expect(checked).toMatchObject({
        ok: false,
        issues: [expect.stringContaining("could not be applied")],
      });
    }
  });

  it("T1 that throws, at once or later, is an issue and no throw", async () => {
    const fail = (): never => {
      throw new TypeError("broken");
    };
    for (const validate of [fail, async () => fail()]) {
      const checked = await compileSchema(answering(validate), "it").check({});
      expect(checked).toMatchObject({ ok: false, issues: [expect.stringContaining("broken")] });
    }
  });

  it("is not waited for when it answers at once", () => {
    const checked = compileSchema(
      answering(() => ({ value: 1 })),
      "it",
    ).check({});
    expect(checked).toEqual({ ok: true, value: 1 });
  });
});

describe("a JSON Schema", () => {
  it("T1 names what is too much, and what may be said, so that a model can mend it", async () => {
    const schema = compileSchema(
      {
        type: "object",
        properties: { kind: { enum: ["cat", "dog"] } },
        additionalProperties: false,
      },
      "it",
    );
    expect(await schema.check({ kind: "cow", text: "moo" })).toEqual({
      ok: false,
      issues: [
        'must NOT have additional properties: "text"',
        'kind: must be equal to one of the allowed values: ["cat","dog"]',
      ],
    });
  });

  it.each([
    ["an expression that goes over a text in endless ways", { type: "string", pattern: "^(a+)+$" }],
    ["an expression for names", { type: "object", patternProperties: { "^(a+)+$": { type: "number" } } }],
    ["definitions that refer to each other twice", { $ref: "#/$defs/d0", $defs: doubled(40) }],
  ] as const)("S2 with %s holds nobody up for long", async (_, schema) => {
    const compiled = compileSchema(schema, "it");
    const text = `${"a".repeat(50)}!`;
    const found = await compiled.check("patternProperties" in schema ? { [text]: 1 } : text);
    expect(found).toEqual({
      ok: false,
      issues: ["the schema could not be applied: It took longer than 1000 ms."],
    });
    expect(await compiled.check("patternProperties" in schema ? { aaa: 1 } : "aaa")).toMatchObject({
      ok: !("$ref" in schema),
    });
  });

  it("may have formats that nobody knows: they tell the model what is meant", async () => {
    const schema = compileSchema({ type: "string", format: "int32" }, "it");
    expect(await schema.check("x")).toMatchObject({ ok: true });
    expect(schema.jsonSchema).toMatchObject({ format: "int32" });
  });
});
