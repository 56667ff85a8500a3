/** The bench over LoCoMo, with a small file of the same shape in which we know what is found. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT } from "../house/source.ts";

const turn = (id: string, speaker: string, text: string, more = {}) => ({
  dia_id: id,
  speaker,
  text,
  ...more,
});
const FILLER = Array.from({ length: 40 }, (_, at) =>
  turn(`D1:${at + 10}`, "Cem", `Nothing much on day ${at}`),
);

const sample = (name: string) => ({
  sample_id: name,
  conversation: {
    speaker_a: "Ann",
    speaker_b: "Cem",
    session_1_date_time: "1:56 pm on 8 May, 2023",
    session_1: [
      turn("D1:1", "Ann", `I adopted a ${name} hamster`),
      turn("D1:2", "Cem", "Wonderful!"),
      ...FILLER,
    ],
    session_2_date_time: "9:00 am on 1 June, 2023",
    session_2: [turn("D2:1", "Ann", "Look!", { blip_caption: "a photo of a lighthouse" })],
    session_3: [],
  },
  qa: [
    { question: "Which hamsters were adopted?", evidence: ["D1:1"], category: 1 },
    { question: "Who showed a lighthouse?", evidence: ["D2:1; D1:1"], category: 4 },
    { question: "What happened in June?", evidence: ["D2:1"], category: 2 },
    { question: "Anything of a zebra?", evidence: ["D9:9"], category: 3 },
    { question: "A trap?", evidence: ["D1:1"], category: 5 },
    { question: "Without evidence?", category: 1 },
  ],
});

describe("bench/locomo.mjs", () => {
  test("takes the evidence of answerable questions, and tells what each ingredient finds of it", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-locomo-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "small.json");
    writeFileSync(
      path,
      JSON.stringify(["a", "b", "c", "d", "e", "f", "g"].map((name) => sample(`rare${name}`))),
    );
    const options = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"];
    const told = execFileSync(process.execPath, [...options, join(ROOT, "bench/locomo.mjs"), path], {
      encoding: "utf8",
    });
    const rows = told
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .filter((cells) => cells.length > 6);
    const of = (variant: string, part: string) =>
      rows.find((cells) => cells[1] === variant && cells[2] === part)?.slice(3, 7);
    // Of three questions a conversation: the plural is not found, half of the second, and June is no word of any text.
    expect(of("bm25", "1–5")).toEqual(
      ["15", ".500", ".500", ".500"].map((cell) => expect.stringContaining(cell)),
    );
    expect(of("+ stem", "6–10")?.[0]).toBe("6");
    expect(of("+ speaker and time", "all")).toEqual(["21", ".833", ".833", ".833"]);
  });
});
