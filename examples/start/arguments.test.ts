import { describe, expect, it } from "vitest";
import { readArguments } from "./arguments.ts";
import { chooseModel } from "./model-choice.ts";

describe("the arguments of npm start", () => {
  it("are a folder and --crash, or --resume alone", () => {
    expect(readArguments([])).toEqual({ kind: "start", folder: null, isCrash: false });
    expect(readArguments(["x", "--crash"])).toEqual({ kind: "start", folder: "x", isCrash: true });
    expect(readArguments(["--resume"])).toEqual({ kind: "resume" });
    expect(readArguments(["--crash", "--resume"])).toMatchObject({ kind: "wrong" });
    expect(readArguments(["--resume", "x"])).toMatchObject({ kind: "wrong" });
  });

  it("are missed when npm took them for itself", () => {
    const message = "npm took --crash for itself. Write: npm start -- --crash";
    expect(readArguments([], { npm_config_crash: "true" })).toEqual({ kind: "wrong", message });
  });
});

describe("the model of npm start", () => {
  it("is the scripted one without a key, else the one there is a key for, else the one named", () => {
    expect(chooseModel({})).toMatchObject({ isScripted: true });
    expect(chooseModel({ OPENAI_API_KEY: "" })).toMatchObject({ isScripted: true });
    expect(chooseModel({ OPENAI_API_KEY: "k" })).toMatchObject({ model: "openai/gpt-5-mini" });
    expect(chooseModel({ OPENAI_API_KEY: "k", HOLDFAST_MODEL: "a/b" })).toMatchObject({ model: "a/b" });
    expect(chooseModel({ OPENAI_COMPATIBLE_BASE_URL: "http://x" })).toMatchObject({ kind: "missing" });
  });
});
