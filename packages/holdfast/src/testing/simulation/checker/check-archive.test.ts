import { beforeAll, describe, expect, test } from "vitest";
import type { StoredEvent } from "../../../core/hash-chain.ts";
import { openEvent, sealEvent } from "../../../core/journal-codec.ts";
import { simulate } from "../../simulation/simulate.ts";
import { hasArchive } from "../archive.ts";
import { asideOf } from "../random.ts";
import { checkHistory } from "./history-checker.ts";
import type { Consulted, Entrusted, History } from "./history.ts";
import type { Rule } from "./rules.ts";

type Archive = NonNullable<History["archive"]>;

describe("a history with an agent that remembers", () => {
  let good: History;
  let forgetful: History;

  beforeAll(async () => {
    for (let seed = 1; (good === undefined || forgetful === undefined) && seed < 4_000; seed += 1) {
      if (!hasArchive(asideOf(seed, "memory"))) continue;
      const { history, violations } = await simulate({ seed });
      if (violations.length > 0 || history.archive === undefined) continue;
      if (isRich(history.archive)) good = history;
      else if (history.archive.forgotten.size > 0 && history.archive.records.length > 0) forgetful = history;
    }
    expect(good).toBeDefined();
    expect(forgetful).toBeDefined();
  }, 120_000);

  /** Facts, files and what a page said are remembered and told, and nobody is forgotten. */
  const isRich = ({ forgotten, files, entrusted, records, consulted }: Archive): boolean =>
    forgotten.size === 0 &&
    files.size > 0 &&
    new Set(entrusted.map(({ user }) => user)).size === 2 &&
    entrusted.some(({ isCertain, saying }) => isCertain && saying === "note") &&
    new Set(records.map(({ trust }) => trust)).size === 2 &&
    consulted.some(isTold);

  const isTold = ({ texts }: Consulted): boolean => texts.some((text) => text.startsWith("[Known"));

  const rulesOf = (
    change: (archive: Archive) => Partial<Archive>,
    history: History = good,
  ): readonly Rule[] => {
    const { archive } = history;
    if (archive === undefined) return [];
    const forged = { ...history, archive: { ...archive, ...change(archive) } };
    return [...new Set(checkHistory(forged).map((violation) => violation.rule))];
  };

  test("K5 J4: that is as it should be is right", () => {
    expect(rulesOf(() => ({}))).toEqual([]);
  });

  test("K5: in which a fact is lost, or there twice, or another's, is seen", () => {
    expect(rulesOf(() => ({ records: [] }))).toContain("remembered-wrong");
    expect(rulesOf(({ records }) => ({ records: [...records, ...records] }))).toContain("remembered-wrong");
    const ofBob = rulesOf(({ records }) => ({
      records: records.map((record) => ({ ...record, scope: { ...record.scope, user: "carol" } })),
    }));
    expect(ofBob).toEqual(["remembered-wrong"]);
  });

  test("K8: in which what nobody vouches for is trusted is seen", () => {
    const trusting = rulesOf(({ records }) => ({
      records: records.map((record) => ({ ...record, trust: "trusted" as const })),
    }));
    expect(trusting).toEqual(["remembered-wrong"]);
  });

  test("J1: in which what was taken is not there is seen", () => {
    const elsewhere = ({ taken, ...one }: Entrusted): Entrusted => ({
      ...one,
      taken: taken === null ? null : { ...taken, runId: `${taken.runId}-lost` },
    });
    expect(rulesOf(({ entrusted }) => ({ entrusted: entrusted.map(elsewhere) }))).toContain("input-missing");
  });

  test("S1: in which somebody is told of another, or of something else than was journaled, is seen", () => {
    const telling = (change: (consulted: Consulted, archive: Archive) => readonly string[]) =>
      rulesOf((archive) => ({
        consulted: archive.consulted.map((one) => ({ ...one, texts: change(one, archive) })),
      }));
    const wordOf = ({ entrusted }: Archive, user: string): string =>
      entrusted.find((one) => one.user === user)?.word ?? "";
    const both = telling(({ texts }, archive) => [
      ...texts,
      `${wordOf(archive, "ann")} ${wordOf(archive, "bob")}`,
    ]);
    expect(both).toEqual(["recalled-wrong"]);
    expect(telling(({ texts }) => texts.filter((text) => !text.startsWith("[Known")))).toEqual([
      "recalled-wrong",
    ]);
  });

  test("J4: in which a file is gone, or there though its result is not, is seen", () => {
    expect(rulesOf(() => ({ files: new Set<string>() }))).toEqual(["file-wrong"]);
    const all = ({ forgotten, files }: Archive) => forgotten.union(files);
    expect(rulesOf((archive) => ({ files: all(archive) }), forgetful)).toContain("not-forgotten");
  });

  test("J4 K10: in which something of who was forgotten is left is seen", () => {
    const left = rulesOf(({ records, forgotten }) => {
      const [word = ""] = forgotten;
      return { records: records.map((record) => ({ ...record, context: `It was ${word}.` })) };
    }, forgetful);
    expect(left).toEqual(["not-forgotten"]);
    const inJournal = rulesOf(({ journals, forgotten }) => {
      const [word = ""] = forgotten;
      return { journals: new Map([...journals].map(([id, stored]) => [id, withLast(stored, word)])) };
    }, forgetful);
    expect(inJournal).toContain("not-forgotten");
  });

  /** With a signal in the end that says it. */
  const withLast = (stored: readonly StoredEvent[], word: string): readonly StoredEvent[] => {
    const last = stored.at(-1);
    if (last === undefined) return stored;
    const { at, epoch } = openEvent(last);
    const { stored: more } = sealEvent(
      { position: last.position, hash: last.hash, at },
      { header: { type: "signal.received", key: "hint" }, payload: { value: word } },
      { sha256: good.sha256, epoch, now: at, salt: () => new Uint8Array(32) },
    );
    return [...stored, more];
  };
});
