import { describe, expect, it } from "vitest";
import { makePlace, type Place } from "./start.fixture.ts";

const expectNothingTwice = async (place: Place): Promise<void> => {
  for (const { status, proof } of await place.look()) {
    expect(status).toBe("completed");
    expect(proof.calls.length).toBeGreaterThan(2);
    expect(proof.calls.map(({ filed }) => filed)).toEqual(proof.calls.map(() => 1));
    expect(proof).toMatchObject({ duplicates: 0, missing: 0, filed: proof.calls.length });
  }
};

describe("npm start -- --crash", () => {
  it("dies in the middle of a tool call; --resume goes on, and nothing runs twice", async () => {
    await using place = await makePlace();
    const crashed = await place.start(["--crash", place.folder]);
    expect(crashed).toMatchObject({ code: null, signal: "SIGKILL", stderr: "" });
    expect(crashed.stdout).toContain("npm start -- --resume");
    const [died] = await place.look();
    expect(died?.status).toBe("running");
    expect(died?.proof.calls.some(({ journal, filed }) => journal === "open" && filed === 1)).toBe(true);

    const resumed = await place.start(["--resume"]);
    expect(resumed).toMatchObject({ code: 0, stderr: "" });
    expect(resumed.stdout).toContain("took over");
    expect(resumed.stdout).toContain("it had been done, so it is not repeated");
    expect(resumed.stdout).toContain("Duplicates: 0. Missing: 0.");
    await expectNothingTwice(place);
    expect(await place.start(["--resume"])).toMatchObject({ code: 3 });
  });

  it("files nothing twice in ten crashes at any moment", async () => {
    await using place = await makePlace();
    const moments = drawMoments();
    for (let crashes = 0; crashes < 10;) {
      const isOpen = (await place.look()).some(({ status }) => status !== "completed");
      const env = { HOLDFAST_START_CRASH_AT: String(moments.next().value) };
      const ended = await place.start(isOpen ? ["--resume"] : [place.folder], env);
      if (ended.signal === "SIGKILL") crashes += 1;
      else expect(ended).toMatchObject({ code: 0, stderr: "" });
    }
    const last = await place.start(["--resume"]);
    expect([0, 3]).toContain(last.code);
    await expectNothingTwice(place);
  }, 120_000);
});

/** Moments as good as random, the same in every run; HOLDFAST_TEST_SEED makes others. */
function* drawMoments(): Generator<number, never> {
  let state = Number(process.env["HOLDFAST_TEST_SEED"] ?? 7);
  for (;;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    yield 1 + ((state >>> 16) % 24);
  }
}
