/** What code in a sandbox reaches of the network: what it was allowed, through the proxy, and nothing else. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSocketServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { CodeLimits } from "./code-limits.ts";
import { codeTools } from "./code-tools.ts";
import { makeBench, named, whyNoSandbox } from "./sandboxed-call.fixture.ts";

const why = await whyNoSandbox();
const WORD = "canary-9c41e2";

/** A server of this machine, which says its word and counts who came. */
const startServer = async (answer?: RequestListener, address = "127.0.0.1") => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url} ${request.headers.host}`);
    if (answer === undefined) response.end(`${WORD}\n`);
    else answer(request, response);
  });
  await once(server.listen(0, address), "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { hits, port: (server.address() as AddressInfo).port };
};

/** Tools that may reach `good.test`, which is a server of this machine. */
const benchWithNetwork = async (
  answer?: RequestListener,
  more: { readonly keepState?: boolean; readonly limits?: Partial<CodeLimits> } = {},
) => {
  const { hits, port } = await startServer(answer);
  const network = {
    allowHosts: ["public.test"],
    allow: [`good.test:${port}`, `*.good.test:${port}`],
    lookup: async (name: string) => (name === "public.test" ? ["10.0.0.1"] : ["127.0.0.1"]),
  };
  const bench = await makeBench({ network, ...more });
  return { ...bench, hits, port, good: `good.test:${port}` };
};

describe("the option network", () => {
  it("is refused when it does not say which hosts are meant", () => {
    const make = (network: unknown, languages = ["bash"]) => codeTools({ languages, network } as never);
    expect(() => make({})).toThrow(/allowHosts/);
    expect(() => make(true)).toThrow(/allowHosts/);
    expect(() => make({ allowHosts: ["https://a.test/"] })).toThrow(/no host/);
    expect(() => make({ allowHosts: ["a.test"], hosts: [] })).toThrow(/hosts/);
    expect(() => make({ allowHosts: ["a.test"] }, ["javascript"])).toThrow(/network/);
  });

  it("tells the model which hosts it may reach", () => {
    const [tool] = codeTools({ languages: ["bash"], network: { allowHosts: ["a.test", "*.b.test"] } });
    expect(tool?.description).toMatch(/only these hosts are reached.*a\.test, \*\.b\.test/);
    expect(codeTools({ languages: ["bash"] })[0]?.description).toMatch(/There is no network/);
  });
});

describe.runIf(why === null)(named("code with a network", why), () => {
  it.each([
    ["run_bash", (url: string) => `curl -sS ${url}`],
    ["run_bash", (url: string) => `curl -sS --proxytunnel ${url}`],
    ["run_bash", (url: string) => `HTTP_PROXY= http_proxy= curl -sS ${url}`],
    [
      "run_python",
      (url: string) =>
        `import urllib.request\nprint(urllib.request.urlopen("${url}").read().decode(), end="")`,
    ],
    ["run_node", (url: string) => `process.stdout.write(await (await fetch("${url}")).text())`],
    [
      "run_node",
      (url: string) => `require("node:http").get("${url}", (response) => response.pipe(process.stdout))`,
    ],
  ])("%s reaches what is allowed (%#)", async (tool, code) => {
    const { run, good, hits, held, port } = await benchWithNetwork();
    const result = await run(tool, code(`http://${good}/page`));
    expect(result).toMatchObject({ stdout: `${WORD}\n`, stderr: "", exitCode: 0 });
    expect(result.refused).toBeUndefined();
    expect((await run(tool, code(`http://sub.good.test:${port}/`))).stdout).toBe(`${WORD}\n`);
    expect(hits).toEqual([`GET /page ${good}`, `GET / sub.good.test:${port}`]);
    expect(held()).toBe(0);
  });

  it.each([
    ["another host", () => "http://evil.test/", /evil\.test:80: evil\.test is not among the hosts/],
    ["another port", () => "http://good.test:81/", /good\.test:81: /],
    ["a private address by name", () => "http://public.test/", /not on the public internet/],
    ["this machine by its address", (port: number) => `http://127.0.0.2:${port}/`, /127\.0\.0\.2:/],
    ["metadata", () => "http://169.254.169.254/latest/meta-data/", /169\.254\.169\.254:80/],
    ["IPv6 of this machine", (port: number) => `http://[::ffff:127.0.0.1]:${port}/`, /ffff/],
  ])("is refused %s, and the model is told why", async (_, url, reason) => {
    const { run, hits, port } = await benchWithNetwork();
    const plain = await run("run_bash", `curl -sS -o- ${url(port)}; echo; echo "code $?"`);
    expect(plain.stdout).not.toContain(WORD);
    expect(plain.refused).toEqual([expect.stringMatching(reason) as string]);
    const tunnel = await run("run_bash", `curl -sS --proxytunnel ${url(port)} || true`);
    expect(tunnel.stdout + tunnel.stderr).toMatch(/403/);
    expect(tunnel.refused).toEqual([expect.stringMatching(reason) as string]);
    expect(hits).toEqual([]);
  });

  it("S1 reaches nothing by itself", async () => {
    const { run, hits, port } = await benchWithNetwork();
    const datagrams: string[] = [];
    const udp = createSocket("udp4", (message) => datagrams.push(String(message)));
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    const folder = await mkdtemp(join(tmpdir(), "holdfast-socket-"));
    const path = join(folder, "socket");
    const local = createSocketServer((socket) => socket.end(WORD));
    await once(local.listen(path), "listening");
    const abstract = createSocketServer((socket) => socket.end(WORD));
    await once(abstract.listen(`\0${WORD}`), "listening");
    onTestFinished(async () => {
      udp.close();
      local.close();
      abstract.close();
      await rm(folder, { recursive: true, force: true });
    });
    const { stdout, stderr } = await run(
      "run_python",
      `
import socket, os
def attempt(name, work):
    try:
        print(name, "reached", work())
    except Exception as error:
        print(name, "not:", type(error).__name__)

def tcp(address, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(3)
    s.connect(address)
    s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    return s.recv(99)

def udp(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(b"${WORD}", address)
    return s.recv(99)

attempt("tcp", lambda: tcp(("127.0.0.1", ${port})))
attempt("tcp elsewhere", lambda: tcp(("1.1.1.1", 80)))
attempt("tcp6", lambda: tcp(("::1", ${port}), socket.AF_INET6))
attempt("tcp6 elsewhere", lambda: tcp(("2606:4700:4700::1111", 80), socket.AF_INET6))
attempt("metadata", lambda: tcp(("169.254.169.254", 80)))
attempt("udp", lambda: udp(("127.0.0.1", ${udp.address().port})))
attempt("udp elsewhere", lambda: udp(("1.1.1.1", 53)))
attempt("name", lambda: socket.getaddrinfo("good.test", 80))
attempt("name of this machine", lambda: socket.getaddrinfo("example.com", 80))
attempt("socket", lambda: tcp("${path}", socket.AF_UNIX))
attempt("abstract", lambda: tcp("\\0${WORD}", socket.AF_UNIX))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3))
attempt("netlink", lambda: os.system("ip link add veth0 type veth peer name veth1 2>/dev/null || ip route add default dev lo 2>/dev/null") == 0 or 1 / 0)
print(sorted(line.split()[0].strip(":") for line in open("/proc/net/dev").readlines()[2:]))
print([line.split()[-1] for line in open("/proc/net/unix").readlines()[1:] if "/" in line.split()[-1] or "@" in line.split()[-1]])
`,
    );
    expect(stderr).toBe("");
    expect(stdout).not.toMatch(/reached/);
    expect(stdout).not.toContain(WORD);
    expect(stdout).toContain("['lo']");
    expect(hits).toEqual([]);
    expect(datagrams).toEqual([]);
  });

  it("S1 reaches through the proxy's own socket what the proxy lets through, and no more", async () => {
    const { run, good, port } = await benchWithNetwork();
    const ask = (line: string): string =>
      `import socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect("/code/network")
s.sendall(${JSON.stringify(line)}.encode())
data = b""
while True:
    part = s.recv(4096)
    if not part: break
    data += part
print(data.decode())`;
    const allowed = await run(
      "run_python",
      ask(`GET http://${good}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    );
    expect(allowed.stdout).toContain(WORD);
    for (const target of [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`, "http://evil.test/"]) {
      const { stdout, refused } = await run(
        "run_python",
        ask(`GET ${target} HTTP/1.1\r\nHost: ${good}\r\nConnection: close\r\n\r\n`),
      );
      expect(stdout).not.toContain(WORD);
      expect(stdout).toMatch(/403/);
      expect(refused?.length).toBe(1);
    }
  });

  it("S1 has nothing of it without the option", async () => {
    const { run } = await makeBench();
    const { stdout } = await run("run_bash", "env | grep -i proxy; ls /code; ls /etc");
    expect(stdout.split("\n").filter(Boolean)).toEqual(
      ["limits.sh", "main.sh", "alternatives", "group", "ld.so.cache", "passwd"].filter((name) =>
        stdout.includes(name),
      ),
    );
    expect(stdout).not.toMatch(/proxy|network|ssl/i);
  });

  it("sees certificates of authorities, and no keys", async () => {
    const { run } = await benchWithNetwork();
    const { stdout } = await run("run_bash", "ls /etc/ssl /etc/ssl/private 2>&1; ls /etc/ssl/certs | wc -l");
    expect(stdout).not.toMatch(/\.key|ssl-cert-snakeoil\.key/);
    if (existsSync("/etc/ssl/certs/ca-certificates.crt"))
      expect(Number(stdout.trim().split("\n").at(-1))).toBeGreaterThan(10);
  });

  it("serves itself without the proxy", async () => {
    const { run } = await benchWithNetwork();
    const { stdout, stderr } = await run(
      "run_python",
      `
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"own")
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read().decode())`,
    );
    expect([stdout, stderr]).toEqual(["own\n", ""]);
  });

  it("gets large answers whole, and sends large requests whole", async () => {
    const size = 20 << 20;
    const { run, good } = await benchWithNetwork((request, response) => {
      let bytes = 0;
      request.on("data", (chunk: Buffer) => (bytes += chunk.length));
      request.on("end", () => {
        if (request.method === "POST") response.end(String(bytes));
        else response.end(Buffer.alloc(size, "x"));
      });
    });
    const { stdout, stderr } = await run(
      "run_bash",
      `curl -sS http://${good}/ | wc -c; curl -sS --proxytunnel http://${good}/ | wc -c; head -c ${size} /dev/zero | curl -sS --data-binary @- -H 'Expect:' http://${good}/`,
    );
    expect([stdout, stderr]).toEqual([`${size}\n${size}\n${size}`, ""]);
  });

  it("is cut off when more has come than may, and is told", async () => {
    const { run, good, runAs } = await benchWithNetwork(
      (_request, response) => void response.end(Buffer.alloc(3 << 20, "x")),
      { limits: { maxNetworkMb: 5 } },
    );
    const { stdout, refused } = await run(
      "run_bash",
      `for i in 1 2 3; do curl -s http://${good}/ | wc -c; done`,
    );
    expect(stdout).toMatch(new RegExp(`^${3 << 20}\n`));
    expect(stdout).not.toMatch(new RegExp(`(${3 << 20}\n){2}`));
    expect(refused).toEqual([expect.stringMatching(/no more are let through/) as string]);
    expect((await runAs("s2")("run_bash", `curl -s http://${good}/ | wc -c`)).stdout).toBe(`${3 << 20}\n`);
  });

  it("has its own proxy in each sandbox, of which nothing is left", async () => {
    const own = await mkdtemp(join(tmpdir(), "holdfast-own-"));
    vi.stubEnv("TMPDIR", own);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(own, { recursive: true, force: true });
    });
    const networks = async (): Promise<readonly string[]> =>
      (await readdir(own)).filter((name) => name.startsWith("holdfast-network-"));
    const { run, runAs, good, close, held, sockets } = await benchWithNetwork();
    const [a, b] = await Promise.all([
      run("run_bash", "curl -s http://evil-a.test/"),
      runAs("s2")("run_bash", `curl -s http://evil-b.test/; curl -s http://${good}/`),
    ]);
    expect(a?.refused).toEqual([expect.stringMatching(/^evil-a\.test/) as string]);
    expect(b?.refused).toEqual([expect.stringMatching(/^evil-b\.test/) as string]);
    await close();
    expect([held(), sockets()]).toEqual([0, 0]);
    expect(await networks()).toEqual([]);
  });

  it("tells of a few refusals only, however many there are", async () => {
    const { run } = await benchWithNetwork();
    const { refused } = await run(
      "run_python",
      "import urllib.request\nfor i in range(200):\n    try: urllib.request.urlopen(f'http://evil-{i}.test/')\n    except Exception: pass",
    );
    expect(refused?.length).toBe(10);
  });

  it("S2 is not stopped in another session by connections without end in this one", async () => {
    const { run, runAs, good } = await benchWithNetwork();
    const controller = new AbortController();
    const flood = run(
      "run_python",
      "import socket\nopen('begun', 'w').close()\nheld = []\nwhile True:\n    try:\n        s = socket.create_connection(('127.0.0.1', 3128)); s.sendall(b'CONNECT good.test:1 HTTP/1.1\\r\\n'); held.append(s)\n    except OSError: pass",
      controller.signal,
    );
    for (let i = 0; i < 5; i += 1) {
      expect((await runAs("s2")("run_bash", `curl -s http://${good}/`)).stdout).toBe(`${WORD}\n`);
    }
    controller.abort();
    expect((await flood).stopped).toMatch(/cancelled|processor/);
  });

  it("only loses its own way out when it ends the forwarder", async () => {
    const { run, good } = await benchWithNetwork();
    const { stdout } = await run(
      "run_bash",
      `for p in /proc/[0-9]*; do grep -q forward.js $p/cmdline 2>/dev/null && kill -9 \${p#/proc/}; done; curl -s http://${good}/ || echo none`,
    );
    expect(stdout).toBe("none\n");
    expect((await run("run_bash", `curl -s http://${good}/`)).stdout).toBe(`${WORD}\n`);
  });

  it("keeps to its limits of memory and processes beside it", async () => {
    const { run } = await benchWithNetwork();
    expect((await run("run_bash", "for i in $(seq 60); do sleep 1 & done; wait; echo all")).stdout).toBe(
      "all\n",
    );
  });

  it("goes with an interpreter that is kept, and ends with it", async () => {
    const { run, good, rest, held, sockets } = await benchWithNetwork(undefined, { keepState: true });
    const code = `import urllib.request\nprint(urllib.request.urlopen("http://${good}/").read().decode(), end="")`;
    expect((await run("run_python", code)).stdout).toBe(`${WORD}\n`);
    const second = await run(
      "run_python",
      `${code}\ntry: urllib.request.urlopen("http://evil.test/")\nexcept Exception as error: print(error)`,
    );
    expect(second.stdout).toMatch(new RegExp(`^${WORD}\n.*403`));
    expect(second.refused).toEqual([expect.stringMatching(/^evil\.test/) as string]);
    expect((await run("run_python", "1")).refused).toBeUndefined();
    expect(sockets()).toBe(1);
    await rest("s1");
    expect([held(), sockets()]).toEqual([0, 0]);
  });
});
