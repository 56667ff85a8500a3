/** The agent with tools of all seven kinds: all goes well where nothing fails, and nothing is done wrongly where much does. */
import { describe, expect, test } from "vitest";
import { whyNoSandbox } from "../../packages/holdfast/src/tools/code/sandboxed-call.fixture.ts";
import { testBrowser } from "../../packages/holdfast/src/tools/browser/test-browser.fixture.ts";
import { settleAll } from "./settle-all.ts";

const NOTHING = { descriptors: 0, processes: 0, sockets: 0 };
const why = await whyNoSandbox();
const name = why === null ? "settling claims" : `settling claims (left out: ${why})`;

describe.runIf(why === null)(name, () => {
  test("E1 E3 every run is correct where nothing fails", async () => {
    const report = await settleAll({
      runs: 4,
      faults: 0,
      seed: 1,
      atOnce: 2,
      executablePath: await testBrowser(),
    });
    expect(report).toMatchObject({ correct: 4, others: [], wrong: [], left: NOTHING });
  });

  test("E1 E3 R4 nothing is paid twice or called done that is not, with a fifth of the requests harmed, and nothing is left", async () => {
    const report = await settleAll({
      runs: 6,
      faults: 0.2,
      seed: 1,
      atOnce: 2,
      executablePath: await testBrowser(),
    });
    const { requests = 0, ...faults } = report.faults;
    expect(report).toMatchObject({ wrong: [], left: NOTHING });
    expect(report.correct, report.others.join("\n")).toBeGreaterThanOrEqual(5);
    expect(requests).toBeGreaterThan(50);
    expect(Object.keys(faults).length).toBeGreaterThanOrEqual(3);
  }, 400_000);
});
