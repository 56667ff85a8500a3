/** The documents say what the code does: fences come from examples that run, every error has a page, links lead somewhere. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { FAILURE_CODES } from "../../packages/holdfast/src/core/failure.ts";
import { type Files, readFiles, ROOT } from "./source.ts";

type Read = (path: string) => string | undefined;

const readFromRoot: Read = (path) =>
  existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), "utf8") : undefined;

const REQUIRED_HEADINGS = ["What happened", "What to do"];

const errorPageProblems = (codes: readonly string[], pages: Files): readonly string[] => {
  const pageOf = (code: string): string => `docs/errors/${code}.md`;
  const known = new Set(codes.map(pageOf));
  const missing = codes.filter((code) => !pages.has(pageOf(code))).map((code) => `${code} has no page`);
  const orphans = [...pages.keys()]
    .filter((path) => !known.has(path))
    .map((path) => `${path} is about no error`);
  const poor = codes.flatMap((code) =>
    REQUIRED_HEADINGS.filter(
      (heading) => pages.has(pageOf(code)) && !hasText(pages.get(pageOf(code)) ?? "", heading),
    ).map((heading) => `${pageOf(code)} lacks "${heading}"`),
  );
  return [...missing, ...orphans, ...poor];
};

/** Whether a heading is there with something under it. */
const hasText = (page: string, heading: string): boolean =>
  new RegExp(`^#+ ${heading}[ \\t]*\\n+(?!#)\\S`, "m").test(page);

const dedent = (text: string): string => {
  const lines = text.replace(/^\n+|\s+$/g, "").split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const least = Math.min(...indents, Number.MAX_SAFE_INTEGER);
  return lines.map((line) => line.slice(least).trimEnd()).join("\n");
};

/** The lines between `// #region name` and `// #endregion name`, without markers of other regions inside. */
const regionOf = (code: string, name: string): string | undefined => {
  const found = new RegExp(
    `// #region ${name}[ \\t]*\\n([\\s\\S]*?)\\n?[ \\t]*// #endregion ${name}[ \\t]*$`,
    "m",
  ).exec(code);
  const text = found?.[1];
  return text === undefined ? undefined : dedent(text.replaceAll(/^[ \t]*\/\/ #(?:end)?region .*\n?/gm, ""));
};

const FENCE = /(?:<!-- example: ([^\s#]+)#([\w-]+) -->\s*\n)?^```(\w*)[^\n]*\n([\s\S]*?)^```[ \t]*$/gm;
const TS_FENCES = new Set(["ts", "typescript", "tsx", "js", "javascript"]);

const fenceProblems = (documents: Files, read: Read): readonly string[] =>
  [...documents].flatMap(([path, text]) =>
    [...text.matchAll(FENCE)].flatMap(([, file, region = "", language = "", code = ""]) => {
      const start = `${path}: "${code.split("\n")[0]}"`;
      if (file === undefined) return TS_FENCES.has(language) ? [`${start} names no example`] : [];
      const expected = regionOf(read(file) ?? "", region);
      if (expected === undefined) return [`${start}: no region ${region} in ${file}`];
      return dedent(code) === expected ? [] : [`${start} differs from ${file}#${region}`];
    }),
  );

const proseOf = (text: string): string =>
  text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");

const linkProblems = (documents: Files, exists: (path: string) => boolean): readonly string[] =>
  [...documents].flatMap(([path, text]) =>
    [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target.replace(/#.*$/, ""))
      .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
      .filter((target) => !exists(join(dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );

const documents: Files = new Map(
  [...readFiles(".", ".md")].filter(([path]) => !path.startsWith(".changeset/")),
);
const shown: Files = new Map(
  [...documents].filter(([path]) => /(?:^|\/)README\.md$/.test(path) || path.startsWith("docs/")),
);
const errorPages: Files = new Map(
  [...documents].filter(([path]) => path.startsWith("docs/errors/") && !path.endsWith("/README.md")),
);

describe("the documents", () => {
  test("are found by the walk", () => {
    expect(readFromRoot("README.md")).toBeDefined();
    expect(shown.size).toBeGreaterThan(2);
    expect([...(readFromRoot("README.md") ?? "").matchAll(FENCE)].length).toBeGreaterThan(0);
  });

  test("have a page for every error code, and none without one", () => {
    expect(errorPageProblems(FAILURE_CODES, errorPages)).toEqual([]);
  });

  test("show only code that stands in an example", () => {
    expect(fenceProblems(shown, readFromRoot)).toEqual([]);
  });

  test("link to what is there", () => {
    expect(linkProblems(documents, (path) => existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe("the reading of documents", () => {
  const page = "# A_B\n\n## What happened\n\nIt broke.\n\n## What to do\n\nMend it.\n";
  const pages = (text: string): Files => new Map([["docs/errors/A_B.md", text]]);

  test("sees a missing, an orphaned and an empty error page", () => {
    expect(errorPageProblems(["A_B"], pages(page))).toEqual([]);
    expect(errorPageProblems(["A_B", "C"], pages(page))).toEqual(["C has no page"]);
    expect(errorPageProblems([], pages(page))).toHaveLength(1);
    expect(errorPageProblems(["A_B"], pages(page.replace("It broke.", "")))).toHaveLength(1);
  });

  const example = "a;\n  // #region one\n  b();\n    c();\n  // #endregion one\n";
  const read: Read = (path) => (path === "a.ts" ? example : undefined);
  const fence = (comment: string, code: string): Files =>
    new Map([["a.md", `${comment}\`\`\`ts\n${code}\n\`\`\`\n`]]);

  test("sees a fence that differs from its example, or has none", () => {
    expect(fenceProblems(fence("<!-- example: a.ts#one -->\n", "b();\n  c();"), read)).toEqual([]);
    expect(fenceProblems(fence("<!-- example: a.ts#one -->\n\n", "b();\n  c();"), read)).toEqual([]);
    expect(fenceProblems(fence("<!-- example: a.ts#one -->\n", "b();"), read)).toHaveLength(1);
    expect(fenceProblems(fence("<!-- example: a.ts#two -->\n", "b();"), read)).toHaveLength(1);
    expect(fenceProblems(fence("", "b();\n  c();"), read)).toHaveLength(1);
  });

  test("sees a dead link and leaves code and the web alone", () => {
    const text = "[a](./b.md#x) [c](https://example.com) [d](#e) `[f](g.md)`";
    expect(linkProblems(new Map([["docs/a.md", text]]), (path) => path === "docs/b.md")).toEqual([]);
    expect(linkProblems(new Map([["docs/a.md", text]]), () => false)).toEqual(["docs/a.md: ./b.md"]);
  });
});
