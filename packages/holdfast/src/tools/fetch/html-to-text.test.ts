import { describe, expect, it } from "vitest";
import { giveWay } from "./give-way.ts";
import { htmlToText } from "./html-to-text.ts";

const read = async (html: string, { signal } = new AbortController()) =>
  htmlToText({ html, url: new URL("https://example.com/dir/page"), signal });
const textOf = async (html: string): Promise<string> => (await read(html)).text;

describe("HTML", () => {
  it.each([
    ["paragraphs", "<p>One\n  two</p><p> three </p>", "One two\n\nthree"],
    ["words that tags part", "a<b>b</b> <i>c</i>d <span> e</span>", "ab cd e"],
    ["headings", "<h1> Top </h1>x<h3>Low</h3>", "# Top\n\nx\n\n### Low"],
    ["empty headings", "<h1></h1><p>x</p>", "x"],
    ["line breaks", "a<br>b<br/>c", "a\nb\nc"],
    ["lists", "x<ul><li>a</li><li><p>b</p></li></ul>y", "x\n\n- a\n- b\n\ny"],
    ["numbered lists", "<ol><li>a<li>b</ol>", "1. a\n2. b"],
    ["lists in lists", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"],
    ["links", '<a href="../x?a=1&amp;b=2">to x</a>', "[to x](https://example.com/x?a=1&b=2)"],
    ["links around spaces", 'see <a href="/x"> x </a>.', "see [x](https://example.com/x) ."],
    ["links in lists", '<li><a href="/x">x</a>', "- [x](https://example.com/x)"],
    ["links around blocks", '<a href="/x"><h2>T</h2><p>p</p></a>', "## [T p](https://example.com/x)"],
    [
      "links to nowhere",
      '<a href="#a">a</a> <a href="javascript:b()">b</a> <a>c</a> <a href="/d"></a>d',
      "a b c d",
    ],
    ["a base", '<base href="https://other.test/a/"><a href="b">b</a>', "[b](https://other.test/a/b)"],
    ["two bases", '<base href="/a/"><base href="/b/"><a href="c">c</a>', "[c](https://example.com/a/c)"],
    ["pictures", '<img src=x alt="A cat"><img src=y>', "![A cat]"],
    ["code", "<pre><code>a\n  b</code></pre>c", "```\na\n  b\n```\n\nc"],
    ["quotations", "<blockquote><p>a</p><p>b</p></blockquote>c", "> a\n>\n> b\n\nc"],
    [
      "tables",
      "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
      "| a | b\n| 1 | 2",
    ],
    ["entities", "&lt;p&gt; &amp;&nbsp;&eacute;&#x41;", "<p> & éA"],
    ["rules", "a<hr>b", "a\n\n---\n\nb"],
    ["nothing", "", ""],
    ["text alone", "a < b", "a < b"],
    ["what is not closed", "<p>a<div>b<span>c", "a\n\nb\n\nc".replace("b\n\nc", "bc")],
  ])("with %s reads well", async (_what, html, expected) => {
    expect(await textOf(html)).toBe(expected);
  });

  it("says nothing of what readers do not see", async () => {
    const hidden = [
      "<script>a()</script>",
      "<style>b{}</style>",
      "<!-- c -->",
      "<template><p>d</p></template>",
      "<svg><text>e</text></svg>",
      "<p hidden>f<b>g</b></p>",
      '<div style="display: none">h</div>',
      '<div style="color:red;visibility:hidden"><p>i</p></div>',
      '<span aria-hidden="true">j</span>',
      "<select><option>k</select>",
      '<input type="hidden" value="l">',
      "<iframe>m</iframe>",
    ];
    expect(await textOf(`before ${hidden.join("")} after`)).toBe("before after");
  });

  it("has its title from the head, without spaces and not too long", async () => {
    expect((await read("<head><title>\n A &amp;\n B </title></head><p>x")).title).toBe("A & B");
    expect((await read("<p>x")).title).toBeNull();
    expect((await read(`<title>${"t".repeat(50_000)}</title>`)).title).toHaveLength(300);
  });

  it("does not take the title of a drawing for its own", async () => {
    const drawing = "<svg><title>icon</title><g><svg><title>part</title></svg><title>g</title></g></svg>";
    expect((await read(`${drawing}<p>x`)).title).toBeNull();
    expect((await read(`<svg/>${drawing}<title>Page</title>${drawing}`)).title).toBe("Page");
    expect((await read(`<div hidden>${drawing}</div><head hidden><title>Page</title>`)).title).toBe("Page");
    expect(await textOf(`a ${drawing}b`)).toBe("a b");
  });

  it("with a main part is that part alone, unless there is little in it", async () => {
    const words = "word ".repeat(60);
    expect(
      await textOf(`<nav>menu</nav><main><h1>T</h1><p>${words}</p></main><footer>foot</footer>`),
    ).toMatch(/^# T\n\nword[^]*word$/);
    expect(await textOf(`<nav>menu</nav><article>${words}</article><p>x<article>more</article>`)).toMatch(
      /word\n\nmore$/,
    );
    expect(await textOf("<nav>menu</nav><main>short</main>")).toBe("menu\n\nshort");
  });
});

const size = 2_000_000;
const fill = (piece: string): string => piece.repeat(Math.ceil(size / piece.length));

/** The longest time that others waited for their turn, in milliseconds of this thread's work. */
const longestTurnOf = async (work: Promise<unknown>): Promise<number> => {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  work.then(over, over);
  let longest = 0;
  while (!isOver) {
    const before = process.threadCpuUsage();
    await giveWay();
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
  }
  return longest;
};

describe("a long page", () => {
  it("is read in slices without a trace of where they end", async () => {
    const piece = (n: number): string => `<p>a ${n} <a href="/${n}">to <b>${n}</b></a> b`;
    const pieces = Array.from({ length: 5_000 }, (_, n) => piece(n)).join("");
    const text = Array.from({ length: 5_000 }, (_, n) => `a ${n} [to ${n}](https://example.com/${n}) b`);
    const whole = text.join("\n\n");
    expect(await textOf(pieces)).toBe(whole);
    expect(await textOf(`x<main>${pieces}</main>y`)).toBe(whole);
    expect(await textOf(`${pieces}<article>${pieces}</article>${pieces}`)).toBe(whole);
    expect(await textOf(`x<a href="/a">${"<i>word</i> ".repeat(5_000)}</a>y`)).toBe(
      `x[${"word ".repeat(5_000).trim()}](https://example.com/a) y`,
    );
  });

  it("E6 is left where it is when the call is cancelled", async () => {
    const stop = new AbortController();
    const reading = read(fill("<p>x"), stop);
    stop.abort(new DOMException("enough", "AbortError"));
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("HTML that means harm", () => {
  it.each([
    ["open tags", fill("<b>")],
    ["open tags and then ends of others", fill("<b>").slice(0, size / 2) + fill("</i>").slice(0, size / 2)],
    ["tags, opened by the thousand and closed", ("<b>".repeat(900) + "</b>".repeat(900)).repeat(300)],
    ["lists in lists", fill("<ul><li>")],
    ["quotations in quotations", fill("<blockquote>x")],
    ["links in links", fill("<a href=x>y")],
    ["attributes", `<p ${Array.from({ length: 150_000 }, (_, at) => `a${at}=1`).join(" ")}>x`],
    ["one attribute", `<p a="${"x".repeat(size)}">x`],
    ["a tag that does not end", `<p ${"x".repeat(size)}`],
    ["brackets", fill("<")],
    ["ampersands", fill("&")],
    ["comments that do not end", fill("<!--")],
    ["cells", fill("<td>")],
    ["spaces", `<p>${" ".repeat(size)}x`],
    ["code in code", fill("<pre>x")],
    ["titles", fill("<title>")],
    ["scripts that do not end", fill("<script><")],
    ["ends", fill("</p>")],
    ["styles", fill('<p style="display  :">')],
    ["words", fill("<i>x</i> ")],
    ["words in a main part", `<main>${fill("<i>x</i> ")}</main>`],
    ["words in a link", `<a href=x>${fill("<i>x</i> ")}</a>`],
    ["a title of spaces", `<title>${" ".repeat(size)}</title>`],
    ["quoted code", `<blockquote><pre>${fill("x\n")}`],
    ["bases", fill(`<base href="${"x/".repeat(2_000)}">`)],
    ["an address", `<a href="${"x/".repeat(size / 2)}">y</a>`],
    ["a picture's words", `<img alt="${" x".repeat(size / 2)}">`],
  ])("E6 by two million characters of %s is done with in time, and holds nobody up", async (_what, html) => {
    await read("<p>The first page loads the parser.");
    const before = process.cpuUsage();
    const reading = read(html);
    const longest = await longestTurnOf(reading);
    const { text } = await reading;
    const { user } = process.cpuUsage(before);
    expect(text.length).toBeLessThan(4 * size);
    expect(user / 1_000).toBeLessThan(3_000);
    expect(longest).toBeLessThan(200);
  });

  it("nested too deep is read as far as that, and says so", async () => {
    const { text } = await read(`<p>Before</p>${"<div>x".repeat(50_000)}`);
    expect(text).toMatch(/^Before/);
    expect(text).toMatch(/\[The page is nested too deep to be read further\.\]$/);
  });
});
