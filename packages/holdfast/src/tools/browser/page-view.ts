import type { Locator, Page } from "playwright-core";
import { notDone } from "./page-failure.ts";

/** What the model was shown of a page, and how it names what is on it. */
export type PageView = {
  readonly page: Page;
  readonly number: number;
  readonly text: string;
  /** What the driver calls elements now that it called otherwise when they were shown, by their references. */
  readonly renamed?: ReadonlyMap<string, string>;
};

/**
 * Names of elements begin with the number of the view that they are of, because the driver begins to count anew in each document:
 * what was meant for an element of the page before must never be done to one of this page.
 */
export const numberedRefs = (snapshot: string, view: number): string =>
  snapshot.replaceAll(/\[ref=((?:f\d+)?e\d+)\]/g, `[ref=v${view}$1]`);

const ANY_REF = /\[ref=([^\]]+)\]/g;

/**
 * What elements of a page are called that shows, element for element, what it showed in that view; null where it shows anything
 * else. What has the focus makes no difference.
 */
export const sameElements = (snapshot: string, shown: string): ReadonlyMap<string, string> | null => {
  const plain = (text: string): string => text.replaceAll(" [active]", "").replaceAll(ANY_REF, "[ref]");
  if (plain(snapshot) !== plain(shown)) return null;
  const refsIn = (text: string): readonly string[] => [...text.matchAll(ANY_REF)].map(([, ref = ""]) => ref);
  const now = refsIn(snapshot);
  return new Map(refsIn(shown).map((ref, index) => [ref, now[index] ?? ""]));
};

/** Whether the element is what somebody takes it for: `button "Order"`. */
export const isCalled = (ref: string, name: string, { text }: PageView): boolean =>
  text
    .split("\n")
    // A line with a colon in its name stands in quotes, and has its own doubled.
    .some((line) => line.includes(`[ref=${ref}]`) && line.replaceAll("''", "'").includes(name.trim()));

/** Part of a view, ended at the end of a line. */
export const partOf = ({ text }: PageView, start: number, maxChars: number): string => {
  if (start >= text.length && start > 0) return `[The view ends at ${text.length} characters.]`;
  if (text.length - start <= maxChars) return text.slice(start);
  const lineEnd = text.lastIndexOf("\n", start + maxChars);
  const end = lineEnd > start ? lineEnd + 1 : start + maxChars;
  return (
    `${text.slice(start, end).toWellFormed()}\n[Cut at ${end} of ${text.length} characters. ` +
    `Take a snapshot with start ${end} for what follows of this view.]`
  );
};

const REF = /^v(\d+)((?:f\d+)?e\d+)$/;

/** @throws ToolError when it is no name of this view. */
export const locate = (ref: string, view: PageView | null, current: Page | null): Locator => {
  const [, number, own] = REF.exec(ref) ?? [];
  if (own === undefined)
    throw notDone(
      "ref",
      `"${ref.slice(0, 50)}" is no reference of an element. Take it from a snapshot: v1e5.`,
    );
  if (view === null || view.number !== Number(number) || view.page !== current) {
    const newest = view === null ? "There is no view of this page yet." : `The newest is v${view.number}.`;
    throw notDone(
      "ref",
      `${ref} is of another view of the page. ${newest} Take a snapshot, and use its references.`,
    );
  }
  return view.page.locator(`aria-ref=${view.renamed?.get(ref) ?? own}`);
};
