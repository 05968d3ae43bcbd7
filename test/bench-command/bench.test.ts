// What the command and bench() say. Nothing here judges a time.
import { Ajv2020 } from "ajv/dist/2020.js";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { bench } from "../../src/bench/index.js";
import type { BenchReport } from "../../src/bench/index.js";
import { Subject } from "../../src/bench/subject.js";
import { writeEntry } from "../../src/fuzz/corpus/corpus.js";
import { DirectoryStore } from "../../src/fuzz/corpus/store.js";
import { fixture } from "../support/fixtures.js";
import { pwh, root } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const module = (name: string): string => `fixtures/bench/${name}.wasm`;
const quick = ["--rounds", "5", "--round-ms", "2"];
const short = { rounds: 5, roundMs: 2, memoryExchanges: 8192 };

describe("pwh bench", () => {
  test("--json is as its schema says, and a baseline is saved that a later run reads", () => {
    const saved = join(folder, "base.json");
    const { code, out, err } = pwh(["bench", module("plain"), ...quick, "--json", "--save-baseline", saved]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(`${root}src/schemas/bench.json`, "utf8")) as object);
    const report = JSON.parse(out) as BenchReport;
    validate(report);
    expect(validate.errors).toBeNull();
    // by the source of the filter: four hostcalls, one value handed over, one line of 26 bytes
    expect(report.counts).toMatchObject({ hostcalls: 4, allocations: 1, logLines: 1, logBytes: 26 });
    expect(report.counts.allocatedBytes).toBe("/v1/items?limit=20".length);
    expect(report.counts.byHostcall).toEqual({
      proxy_replace_header_map_value: 2,
      proxy_get_header_map_value: 1,
      proxy_log: 1,
    });
    expect(readdirSync(folder)).toEqual(["base.json"]);

    const baseline = JSON.parse(readFileSync(saved, "utf8")) as { machine: { node: string } };
    const other = join(folder, "other.json");
    writeFileSync(other, JSON.stringify({ ...baseline, machine: { ...baseline.machine, node: "1.0.0" } }));
    const later = pwh(["bench", module("plain"), ...quick, "--baseline", other]);
    expect(later.out).toMatch(/another machine or Node: node was 1\.0\.0 and is .*ratios to the constant workload/);
    for (const [given, why] of [
      [["--streams", "2"], "made with 1 exchange, 1 in flight, reused state, and this run has 1 exchange, 2 in flight"],
      [["--path", "/x"], "other requests or answers were sent"],
    ] as const) {
      const refused = pwh(["bench", module("plain"), ...quick, ...given, "--baseline", saved]);
      expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringContaining(why) as string });
    }
    const configured = pwh(["bench", module("plain"), ...quick, "-c", "other", "--baseline", saved]);
    expect(configured.out).toContain("the plugin's configuration was another");
  });

  test("sends what a scenario file or an archive holds, and sweeps", () => {
    const har = join(folder, "two.har");
    const request = { method: "GET", url: "https://a.example/x", headers: [{ name: "accept", value: "*/*" }] };
    const posted = { method: "POST", url: "https://a.example/longer", headers: [], postData: { text: "body" } };
    const response = { status: 200, headers: [] };
    const entries = [request, posted].map((one) => ({ request: one, response }));
    writeFileSync(har, JSON.stringify({ log: { entries } }));
    const { out, err } = pwh(["bench", module("plain"), ...quick, "--load", har, "--json"]);
    expect(err).toBe("");
    const report = JSON.parse(out) as BenchReport;
    expect(report.load.exchanges).toBe(2);
    expect(report.counts.allocatedBytes).toBe(("/x".length + "/longer".length) / 2);
    const swept = pwh(["bench", module("plain"), ...quick, "--path", "/x", "--sweep", "headers=1,20", "--json"]);
    const { sweeps } = JSON.parse(swept.out) as BenchReport;
    expect(sweeps.map(({ over, points }) => [over, points.map(({ value }) => value)])).toEqual([["headers", [1, 20]]]);
    const many = pwh(["bench", module("plain"), "--load", har, "--sweep", "headers=1,20"]);
    expect(many).toMatchObject({ code: 2, err: expect.stringContaining("Cannot sweep 2 exchanges") as string });
    const scenario = join(folder, "one.pwh.yaml");
    const plugin = `module: ${root}${module("plain")}`;
    writeFileSync(
      scenario,
      `tests:\n  - name: a\n    plugin: { ${plugin} }\n    request: GET /abc\n    expect: { response: { status: 200 } }\n`,
    );
    const ran = pwh(["bench", module("plain"), ...quick, "--load", scenario, "--json"]);
    expect(ran.err).toBe("");
    expect((JSON.parse(ran.out) as BenchReport).counts.allocatedBytes).toBe("/abc".length);
    writeFileSync(har, '{"log":{"entries":[]}}');
    expect(pwh(["bench", module("plain"), "--load", har]).code).toBe(2);
  });

  test("sends the request and the answer of its options", () => {
    const given = ["--path", "/longer/than/that", "-H", "x-a: b", "-d", "body", "--response-status", "404"];
    const { out, err } = pwh(["bench", module("plain"), ...quick, ...given, "--json"]);
    expect(err).toBe("");
    expect((JSON.parse(out) as BenchReport).counts.allocatedBytes).toBe("/longer/than/that".length);
    const both = pwh(["bench", module("plain"), "--path", "/", "--load", "a.har"]);
    expect(both).toMatchObject({ code: 2, err: expect.stringContaining("--path with --load") });
  });

  test("sends the cases of a fuzzer's corpus; a directory that is none is refused", async () => {
    const corpus = join(folder, "corpus");
    for (const path of ["/a", "/seven"]) {
      const request = { protocol: "HTTP/1.1" as const, method: "GET", path, authority: "a.example", headers: [] };
      await writeEntry(new DirectoryStore(corpus), {
        exchanges: [{ request, reply: { status: 200, headers: [] } }],
        repeat: 1,
        callReply: {},
      });
    }
    const { out, err } = pwh(["bench", module("plain"), ...quick, "--load", corpus, "--json"]);
    expect(err).toBe("");
    const report = JSON.parse(out) as BenchReport;
    expect(report.load.exchanges).toBe(2);
    expect(report.counts.allocatedBytes).toBe(("/a".length + "/seven".length) / 2);
    const refused = pwh(["bench", module("plain"), "--load", "src"]);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("it is no corpus of pwh fuzz") });
    rmSync(corpus, { recursive: true });
  });

  test("--profile has the guest's functions by name", () => {
    const file = join(folder, "out.cpuprofile");
    const { code, err } = pwh(["bench", module("plain"), ...quick, "--profile", file]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { nodes } = JSON.parse(readFileSync(file, "utf8")) as {
      nodes: { callFrame: { functionName: string; url: string } }[];
    };
    const guest = nodes.filter(({ callFrame }) => callFrame.url.startsWith("wasm:"));
    expect(guest.map(({ callFrame }) => callFrame.functionName)).toContain("proxy_on_request_headers");
  });

  test("a threshold that fails is exit code 1, with what was measured; a GitHub summary is written", () => {
    const summary = join(folder, "summary.md");
    const { code, out } = pwh(["bench", module("logs-twice"), ...quick, "--threshold", "log_bytes<=26"], {
      env: { GITHUB_STEP_SUMMARY: summary },
    });
    expect(code).toBe(1);
    expect(out).toContain("✗ log_bytes<=26: failed, 52");
    expect(out).toContain("no latency in Envoy");
    expect(readFileSync(summary, "utf8")).toContain("| `log_bytes<=26` | failed: 52 |");
  });

  test("a GitHub summary without a place is told before the measurement", () => {
    const GITHUB_STEP_SUMMARY = join(folder, "no", "such", "summary.md");
    const saved = join(folder, "unwritten.json");
    const { code, err } = pwh(["bench", module("plain"), ...quick, "--save-baseline", saved], {
      env: { GITHUB_STEP_SUMMARY },
    });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/^pwh: Cannot write .*summary\.md: .*\n$/) });
    expect(existsSync(saved)).toBe(false);
  });

  test.each([
    { given: [], code: 2, says: "the file is missing" },
    { given: ["nowhere.wasm"], code: 2, says: "there is no such file" },
    { given: [module("plain"), "--rounds", "0"], code: 2, says: "--rounds" },
    { given: [module("plain"), "--threshold", "p(95)<50"], code: 2, says: "has no unit" },
    { given: [module("plain"), "--threshold", "ratio<1.1"], code: 2, says: "give --against or --baseline" },
    { given: [module("plain"), "--threshold", "own_allocations<3"], code: 2, says: "build it with its name section" },
    { given: [module("plain"), "--state", "stale"], code: 2, says: "state" },
    { given: [module("plain"), "--against", "nowhere.wasm"], code: 2, says: "there is no such file" },
    { given: [module("plain"), "--baseline", "package.json"], code: 2, says: "pwh bench did not write it" },
    { given: [module("plain"), "--html", "nowhere/a.html"], code: 2, says: "Cannot write nowhere/a.html: nowhere" },
    { given: [module("plain"), "--save-baseline", "src"], code: 2, says: "Cannot write src: it is a folder" },
  ])("$given", ({ given, code, says }) => {
    const ran = pwh(["bench", ...given, ...(given.includes("--rounds") ? [] : quick)]);
    expect(ran.err).toContain(says);
    expect(ran.code).toBe(code);
  });

  test("a baseline that does not say its machine in whole is refused", () => {
    const partly = join(folder, "partly.json");
    const machine = { node: "22.0.0" };
    writeFileSync(
      partly,
      JSON.stringify({ kind: "pwh-bench-baseline", schema: 2, machine, rounds: [1], constant: [1] }),
    );
    const { code, err } = pwh(["bench", module("plain"), ...quick, "--baseline", partly]);
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining("on what machine it was made") as string,
    });
  });

  test("a baseline of another schema, or cut off, is refused; nothing is written when the run fails", () => {
    const old = join(folder, "old.json");
    writeFileSync(old, JSON.stringify({ kind: "pwh-bench-baseline", schema: 7 }));
    const never = join(folder, "never.json");
    const refused = pwh(["bench", module("plain"), ...quick, "--baseline", old, "--save-baseline", never]);
    expect(refused.err).toContain("its schema is 7, and this pwh reads 2");
    expect(refused.code).toBe(2);
    writeFileSync(old, '{"kind":"pwh-');
    expect(pwh(["bench", module("plain"), ...quick, "--baseline", old]).err).toContain("it is no JSON");
    expect(existsSync(never)).toBe(false);
  });
});

describe("bench()", () => {
  test("tells what leaks, what logs and what calls more", async () => {
    const thresholds = ["memory_slope==0", "log_bytes<=26", "hostcalls<=4"];
    const failed = async (name: string): Promise<string[]> => {
      const { report } = await bench(fixture(`bench/${name}.wasm`), { ...short, thresholds });
      return report.thresholds.filter(({ verdict }) => verdict === "failed").map(({ threshold }) => threshold);
    };
    expect(await failed("plain")).toEqual([]);
    expect(await failed("leaks")).toEqual(["memory_slope==0"]);
    expect(await failed("logs-twice")).toEqual(["log_bytes<=26", "hostcalls<=4"]);
    expect(await failed("adds-hostcall")).toEqual(["hostcalls<=4"]);
  });

  test("counts are those of one exchange with many in flight, and with fresh state", async () => {
    for (const load of [{ streams: 7 }, { state: "fresh" }] as const) {
      const { report } = await bench(fixture("bench/plain.wasm"), { ...short, memoryExchanges: 700, ...load });
      expect(report.counts).toMatchObject({ hostcalls: 4, logBytes: 26 });
      expect(report.load).toMatchObject(load);
    }
  });

  test("what is compared is started anew in each round, in turns: rounds on one instance share its error", async () => {
    const load = vi.spyOn(Subject, "load");
    await bench(fixture("bench/plain.wasm"), { ...short, memoryExchanges: 128, against: fixture("bench/leaks.wasm") });
    const started = load.mock.calls.map(([source]) => basename(source as string, ".wasm")).join(" ");
    load.mockRestore();
    const [there, back] = ["plain leaks", "leaks plain"];
    expect(started).toMatch(new RegExp(`^plain leaks ${there} ${back} ${there} ${back} ${there}( plain)+$`));
  });

  test.each([
    { what: "hangs", name: "endless-loop-faulty", header: ["x-forwarded-for", ",,a"], code: "GUEST_TIMEOUT" },
    { what: "traps", name: "missing-colon-faulty", header: ["cookie", "none"], code: "GUEST_TRAPPED" },
    {
      what: "holds the request",
      name: "endless-pause-faulty",
      header: ["content-type", "a/b"],
      code: "EXCHANGE_STUCK",
    },
  ] as const)("a plugin that $what fails the run: $code", async ({ name, header, code }) => {
    const exchange = {
      requestHeaders: [[":authority", "a"], [":path", "/"], [":method", "POST"], header],
      requestBody: Buffer.from("body"),
      responseHeaders: [[":status", "200"]],
    } as const;
    const run = bench(fixture(`buggy/${name}.wasm`), { ...short, budgetMs: 100, exchanges: [exchange] });
    await expect(run).rejects.toMatchObject({ code });
  });

  test("a module that calls nothing spends no time in hostcalls, and that can be limited", async () => {
    const { report } = await bench("fixtures/buggy/unbounded-cache-faulty.wasm", {
      ...short,
      thresholds: ["host<1us"],
    });
    expect(report.counts.hostcalls).toBe(0);
    expect(report.host).toEqual({ value: 0, low: 0, high: 0 });
    expect(report.thresholds.map(({ verdict }) => verdict)).toEqual(["passed"]);
  });

  test("any percentile can be a limit; one of a quick guest is undecided for the clock's sake", async () => {
    const { report } = await bench(fixture("http-headers-c/http-headers.wasm"), {
      ...short,
      thresholds: ["p(42.5)>0us", "guest<500ns"],
    });
    expect(report.thresholds.map(({ verdict }) => verdict)).toEqual(["passed", "undecided"]);
    const { p50, p90, "p42.5": lower } = report.exchange.percentiles;
    expect(lower!.value).toBeLessThanOrEqual(p50!.value);
    expect(p50!.value).toBeLessThanOrEqual(p90!.value);
    for (const one of report.functions) expect(one.median.low).toBeGreaterThanOrEqual(0);
  });

  test.each([
    { part: "the cold exchange", call: 1 },
    { part: "a sweep", call: 2 },
  ])("a signal ends it in $part, too", async ({ call }) => {
    const stop = new AbortController();
    const { of } = Subject;
    const spied = vi.spyOn(Subject, "of").mockImplementation((...given) => {
      if (spied.mock.calls.length === call) stop.abort();
      return of.apply(Subject, given);
    });
    try {
      const run = bench(fixture("bench/plain.wasm"), { ...short, sweeps: ["headers=1,2"], signal: stop.signal });
      await expect(run).rejects.toThrow("Stopped before the measurement was complete");
    } finally {
      spied.mockRestore();
    }
  });

  test("no exchange is no measurement", async () => {
    await expect(bench(fixture("bench/plain.wasm"), { exchanges: [] })).rejects.toThrow("there is no exchange");
  });
});
