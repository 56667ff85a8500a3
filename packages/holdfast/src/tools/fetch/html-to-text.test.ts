import { describe, expect, it } from "vitest";
import { htmlToText } from "./html-to-text.ts";

const read = async (html: string) => htmlToText(html, new URL("https://example.com/dir/page"));
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
    expect((await read(`<title>${"t".repeat(5_000)}</title>`)).title).toHaveLength(300);
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

describe("HTML that means harm", () => {
  const size = 2_000_000;
  const fill = (piece: string): string => piece.repeat(Math.ceil(size / piece.length));

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
  ])("by two million characters of %s is done with in time", async (_what, html) => {
    const before = process.cpuUsage();
    const { text } = await read(html);
    const { user } = process.cpuUsage(before);
    expect(text.length).toBeLessThan(4 * size);
    expect(user / 1_000).toBeLessThan(3_000);
  });

  it("nested too deep is read as far as that, and says so", async () => {
    const { text } = await read(`<p>Before</p>${"<div>x".repeat(50_000)}`);
    expect(text).toMatch(/^Before/);
    expect(text).toMatch(/\[The page is nested too deep to be read further\.\]$/);
  });
});
