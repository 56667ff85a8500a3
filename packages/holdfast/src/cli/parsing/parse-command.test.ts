import { describe, expect, it } from "vitest";
import { parseCommand } from "./parse-command.ts";
import { UsageError } from "./usage-error.ts";

const COMMAND = {
  args: [
    { name: "file", isRequired: true, about: "a file" },
    { name: "input", isRequired: false, about: "an input" },
  ],
  options: {
    json: { type: "boolean", about: "JSON" },
    after: { type: "string", value: "<n>", about: "a position" },
  },
} as const;

const parse = (...argv: readonly string[]) => parseCommand("do", COMMAND, argv);

describe("the command line", () => {
  it("reads arguments and options in any order", () => {
    const { args, flags, isHelp } = parse("--json", "a.ts", "--after", "3", "hello there");
    expect(args).toEqual(["a.ts", "hello there"]);
    expect(flags.isOn("json")).toBe(true);
    expect(flags.count("after")).toBe(3);
    expect(flags.text("other")).toBeUndefined();
    expect(isHelp).toBe(false);
  });

  it("takes what follows -- as it stands", () => {
    expect(parse("a.ts", "--", "--json").args).toEqual(["a.ts", "--json"]);
  });

  it("takes values that look like options only after =", () => {
    expect(parse("a.ts", "--after=-1").flags.text("after")).toBe("-1");
    expect(() => parse("a.ts", "--after", "--json")).toThrow("--after needs a value: --after <n>.");
    expect(() => parse("a.ts", "--after")).toThrow(UsageError);
  });

  it("refuses values for options that take none", () => {
    expect(() => parse("a.ts", "--json=yes")).toThrow("--json takes no value.");
  });

  it("refuses what it does not know, names of Object's among them", () => {
    expect(() => parse("a.ts", "--jsn")).toThrow(expect.objectContaining({ hint: "Did you mean --json?" }));
    expect(() => parse("a.ts", "--constructor")).toThrow(UsageError);
    expect(() => parse("a.ts", "-x")).toThrow(UsageError);
    expect(() => parse("a.ts", "one", "two")).toThrow('"two"');
  });

  it("asks for what is missing, unless help was asked for", () => {
    expect(() => parse()).toThrow(expect.objectContaining({ hint: "Usage: holdfast do <file> [input]" }));
    expect(parse("--help").isHelp).toBe(true);
    expect(parse("-h").isHelp).toBe(true);
  });

  it("reads whole numbers and nothing near them", () => {
    for (const text of ["0", "1.5", "1e3", "x", "99999999999999999999"]) {
      expect(() => parse("a.ts", "--after", text).flags.count("after")).toThrow(UsageError);
    }
    expect(parse("a.ts", "--after", "0").flags.count("after", 0)).toBe(0);
  });

  it("reads one of a few words", () => {
    expect(parse("a.ts", "--after", "one").flags.oneOf("after", ["one", "two"])).toBe("one");
    expect(() => parse("a.ts", "--after", "three").flags.oneOf("after", ["one", "two"])).toThrow("one, two");
  });
});
