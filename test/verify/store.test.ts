import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareRecordings } from "../../src/verify/envoy/compare.js";
import type { LogLine } from "../../src/verify/envoy/recording.js";
import { probeFolder } from "../../src/verify/envoy/record.js";
import {
  formatRecorded,
  packLine,
  parseRecorded,
  readRecordings,
  recordingGroups,
  recordingsFolder,
  unpackLine,
} from "../../src/verify/envoy/store.js";

const equals = (a: Parameters<typeof compareRecordings>[0], b: Parameters<typeof compareRecordings>[1]) =>
  compareRecordings(a, b).length === 0;

describe("packLine()", () => {
  const lines: { line: LogLine; stored: unknown }[] = [
    { line: { level: "info", prefix: "p r", message: "CB x\ny" }, stored: "p r> CB x\ny" },
    { line: { level: "info", prefix: "", message: "> [a] b" }, stored: "> > [a] b" },
    { line: { level: "error", prefix: "p", message: "" }, stored: "error p> " },
    {
      line: { level: "error", logger: "wasm", message: "Function: f failed" },
      stored: "error [wasm] Function: f failed",
    },
    { line: { level: "info", logger: "wasm", message: "m" }, stored: "info [wasm] m" },
    // These would not read back.
    {
      line: { level: "info", prefix: "error p", message: "m" },
      stored: { level: "info", prefix: "error p", message: "m" },
    },
    { line: { level: "info", prefix: "a> b", message: "m" }, stored: { level: "info", prefix: "a> b", message: "m" } },
  ];
  test.each(lines)("$stored", ({ line, stored }) => {
    expect(packLine(line)).toEqual(stored);
    expect(unpackLine(packLine(line))).toEqual(line);
  });
});

describe("readRecordings()", () => {
  test("a release that is equal has the base's recording under its own name", () => {
    const line =
      '{"name":"a","row":3,"doc":"d","scenario":{"clients":[{}]},"recorded":{"1.40.0":{"log":["r> x"]},"1.36.4":"="}}';
    const read = parseRecorded(line);
    expect(read.scenario).toEqual({ name: "a", clients: [{}] });
    expect(read.recorded["1.36.4"]).toEqual({
      envoy: "1.36.4",
      started: true,
      exit: 0,
      log: [{ level: "info", prefix: "r", message: "x" }],
      clients: [],
      upstream: {},
      access: [],
    });
    expect(formatRecorded(read, equals)).toBe(line);
  });

  test("one that differs has what differs, and null for what is not there", () => {
    const line =
      '{"name":"a","doc":"d","scenario":{},"recorded":{"1.40.0":{"log":["r> x"],"clients":[{"proto":"http1","end":"closed"}],"stats":{"a":"1"}},"1.36.4":{"like":"1.40.0","stats":null,"exit":1,"stderr":["s"]}}}';
    const read = parseRecorded(line);
    expect(read.recorded["1.36.4"]).toEqual({
      envoy: "1.36.4",
      started: true,
      exit: 1,
      log: [{ level: "info", prefix: "r", message: "x" }],
      clients: [{ proto: "http1", end: "closed" }],
      upstream: {},
      access: [],
      stderr: ["s"],
    });
    expect(formatRecorded(read, equals)).toBe(line);
  });

  test("a bad line is named", () => {
    const folder = mkdtempSync(join(tmpdir(), "pwh-store-"));
    try {
      writeFileSync(join(folder, "g.jsonl"), '{"name":"a","doc":"","scenario":{},"recorded":{"1.36.4":"="}}\n');
      expect(() => readRecordings("g", folder)).toThrow(
        expect.objectContaining({
          code: "RECORDING_INVALID",
          message: `Cannot read ${join(folder, "g.jsonl")}:1: "1.36.4" is like 1.40.0, which is not there`,
        }),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("test/recordings", () => {
  const groups = recordingGroups();
  const all = groups.flatMap((group) => readRecordings(group));

  test("every line is written as it is read, and all together stay under 8 MB", () => {
    let size = 0;
    for (const group of groups) {
      const file = join(recordingsFolder, `${group}.jsonl`);
      size += statSync(file).size;
      const written = readRecordings(group).map(
        (entry) => `${formatRecorded(entry, (a, b) => compareRecordings(a, b, entry.scenario).length === 0)}\n`,
      );
      expect(written.join("") === readFileSync(file, "utf8"), group).toBe(true);
    }
    expect(size).toBeLessThan(8_000_000);
  });

  test("names are unique, and every scenario is recorded on every release", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    const releases = ["1.40.0", "1.39.3", "1.38.2", "1.36.4"];
    const incomplete = all.filter(({ recorded }) => releases.some((release) => recorded[release] === undefined));
    expect(incomplete.map(({ name }) => name)).toEqual([]);
  });

  test("every row of the checklist but 27, which needs an Envoy older than any to be had", () => {
    const rows = new Set(all.map(({ row }) => row));
    const missing = Array.from({ length: 115 }, (_, index) => index + 1).filter((row) => !rows.has(row));
    expect(missing).toEqual([27]);
  });

  test("nothing that differs between runs is left", () => {
    const text = groups.map((group) => readFileSync(join(recordingsFolder, `${group}.jsonl`), "utf8")).join("");
    expect(text.match(/127\.0\.0\.1:\d{4,5}/g)).toBeNull();
    expect(text.match(/\d\d:\d\d:\d\d GMT/g)).toBeNull();
    expect(text.match(/\/tmp\//g)).toBeNull();
  });
});

test("the probe and its variants have the bytes that SHA256SUMS says", () => {
  const sums = readFileSync(join(probeFolder, "SHA256SUMS"), "utf8").trim().split("\n");
  expect(sums.length).toBeGreaterThan(10);
  for (const [sum = "", file = ""] of sums.map((line) => line.split("  "))) {
    const now = createHash("sha256")
      .update(readFileSync(join(probeFolder, file)))
      .digest("hex");
    expect(now, file).toBe(sum);
  }
});
