// What people look at: the page, in a real browser, and the trace.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flameGraph } from "../../src/bench/flame.js";
import { histogram, ticks } from "../../src/bench/charts.js";
import { benchHtml } from "../../src/bench/bench-html.js";
import { bench } from "../../src/bench/index.js";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-bench-pages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [page, trace] = [join(folder, "report.html"), join(folder, "trace.json")];
const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
/** What a browser makes of a page. */
const browse = (...args: string[]): string => {
  const basic = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(folder, "profile")}`];
  const ran = spawnSync(chromium!, [...basic, ...args], { encoding: "utf8", timeout: 60_000, maxBuffer: 2 ** 26 });
  expect(ran.status).toBe(0);
  return ran.stdout;
};

describe("pwh bench --html, --trace-events", () => {
  beforeAll(() => {
    const other = ["--against", "fixtures/bench/plain.wasm", "--sweep", "headers=1,20"];
    const given = ["--rounds", "5", "--round-ms", "2", "--html", page, "--trace-events", trace, ...other];
    const { code, err } = pwh(["bench", "fixtures/bench/logs-twice.wasm", ...given]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }, 60_000);

  test("the page has all parts, and nothing that is fetched or runs", () => {
    const html = readFileSync(page, "utf8");
    const titles = [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      "Distribution",
      "Time line",
      "Cost of callbacks and hostcalls",
      "Comparison",
      "Sweep over headers",
      "Flame graph",
      "All numbers",
    ]);
    expect(html).not.toMatch(/<script|<link|<img|https?:|url\(|NaN|Infinity|undefined/);
    expect(html).toContain("proxy_on_request_headers");
  });

  test.skipIf(chromium === undefined)(
    `a browser draws it${chromium === undefined ? ": skipped, there is no Chromium in PATH" : ""}`,
    () => {
      // foreign elements that the parser dropped, or drew elsewhere, would not be in the document it made
      const document = browse("--dump-dom", pathToFileURL(page).href);
      expect(document.match(/<svg /g)).toHaveLength(6);
      expect(document.match(/<h2>/g)).toHaveLength(7);
      const picture = join(folder, "page.png");
      browse(`--screenshot=${picture}`, "--window-size=900,2600", pathToFileURL(page).href);
      const png = readFileSync(picture);
      expect(png.subarray(1, 4).toString()).toBe("PNG");
      const blank = join(folder, "blank.html");
      writeFileSync(blank, "<!doctype html><title>blank</title>");
      browse(`--screenshot=${join(folder, "blank.png")}`, "--window-size=900,2600", pathToFileURL(blank).href);
      expect(png.length).toBeGreaterThan(5 * readFileSync(join(folder, "blank.png")).length);
    },
    120_000,
  );

  test("spans lie within their exchange, and each hostcall within its callback", () => {
    interface Event {
      readonly ph: string;
      readonly cat: string;
      readonly name: string;
      readonly ts: number;
      readonly dur: number;
      readonly args: { readonly call?: string };
    }
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8")) as { traceEvents: Event[] };
    const of = (cat: string): Event[] => traceEvents.filter((event) => event.ph === "X" && event.cat === cat);
    const inside = (one: Event, outer: Event[]): boolean =>
      outer.some(({ ts, dur }) => ts <= one.ts && ts + dur >= one.ts + one.dur - 0.01);
    expect(of("exchange")).toHaveLength(10);
    expect(of("callback").every((one) => inside(one, of("exchange")))).toBe(true);
    expect(of("hostcall").every((one) => inside(one, of("callback")))).toBe(true);
    // by the source of the filter: it reads the path, logs twice, and sets one header on each way
    const calls = of("hostcall").map(({ name }) => name);
    expect(calls.filter((name) => name === "proxy_log")).toHaveLength(20);
    const read = of("hostcall").find(({ name }) => name === "proxy_get_header_map_value")!;
    expect(read.args.call).toContain('name: ":path") -> Ok, value: "/v1/items?limit=20"');
  });
});

test("names from outside are text in the page", async () => {
  const result = await bench(fixture("bench/plain.wasm"), { rounds: 5, roundMs: 2, memoryExchanges: 128 });
  const name = `<script>alert("1")</script>`;
  const { report, samples } = result;
  const html = benchHtml({ report: { ...report, module: { ...report.module, name } }, samples });
  expect(html).not.toContain("<script");
  expect(html).toContain("&#60;script&#62;");
});

test("a flame graph shows exchanges only, joined by their callers, with shares of the samples", () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url },
    children,
  });
  const subject = "file:///p/bench/subject.js";
  const nodes = [
    node(1, "(root)", "", [2, 6]),
    node(2, "sample", subject, [3, 5]),
    node(3, "exchange", subject, [4]),
    node(4, "<b>", "wasm://wasm/1"),
    node(5, "exchange", subject),
    node(6, "(idle)", ""),
  ];
  const svg = flameGraph(JSON.stringify({ nodes, samples: [2, 6, 6, 4, 4, 4, 5] }));
  expect([...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title)).toEqual([
    "exchanges: 100.0 %",
    "exchange: 100.0 %",
    "&#60;b&#62;: 75.0 %",
  ]);
  expect(flameGraph(JSON.stringify({ nodes, samples: [6] }))).toContain("No sample met an exchange");
});

test("the label of a line at the right edge lies before it, within the picture", () => {
  const values = Array.from({ length: 100 }, (_, i) => i);
  const drawn = histogram("h", values, [["p99", 99]], (value) => `${value} µs`);
  const [, x] = /<text class="strong" x="([\d.]+)" text-anchor="end"[^>]*>p99 99 µs</.exec(drawn) ?? [];
  expect(Number(x)).toBeLessThan(760);
});

test("an axis has round numbers", () => {
  expect(ticks(0, 10)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(ticks(10.5, 16.4)).toEqual([12, 14, 16]);
  expect(ticks(3, 3)).toEqual([3]);
});
