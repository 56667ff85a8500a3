import { expect, it } from "vitest";
import { tokenise } from "./tokenise.ts";

it("tells the forms of a word from their endings, and irregular ones by name", () => {
  for (const [form, base] of [
    ["went", "go"],
    ["Bought", "buy"],
    ["women", "woman"],
    ["swimming", "swim"],
    ["swam", "swims"],
    ["lives", "live"],
    ["leaves", "leave"],
  ])
    expect(tokenise(form ?? "")).toEqual(tokenise(base ?? ""));
});

it("leaves words as they are where it is asked to", () => {
  expect(tokenise("She went swimming", { stem: false })).toEqual(["went", "swimming"]);
});

it("takes writing without spaces in pairs, and anything else apart", () => {
  expect(tokenise("東京都")).toEqual(["東京", "京都"]);
  expect(tokenise("l'École 42!")).toEqual(["l", "ecol", "42"]);
  expect(tokenise("\ud800 \u0000")).toEqual([]);
});
