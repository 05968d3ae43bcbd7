import type { Failure, Finished } from "../../scenario/types.js";
import type { TestRun } from "../../scenario/run-tests.js";

/** JUnit XML as Jenkins, GitLab and others read it, valid by Jenkins' schema: a suite for each file. */
export function junitReport(run: TestRun, title = "pwh test"): string {
  const files = new Map<string, Finished[]>();
  for (const one of run.finished) {
    const list = files.get(one.test.where.file) ?? [];
    files.set(one.test.where.file, [...list, one]);
  }
  const suites = [...files].map(([file, all]) => suite(file, all));
  const head = `<testsuites name="${attribute(title)}" ${counts(run.finished)}>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${suites.join("\n")}\n</testsuites>\n`;
}

function suite(file: string, all: readonly Finished[]): string {
  const skipped = all.filter(({ result }) => result.outcome === "skipped").length;
  const cases = all.map((one) => testcase(file, one));
  return `  <testsuite name="${attribute(file)}" ${counts(all)} skipped="${skipped}">\n${cases.join("\n")}\n  </testsuite>`;
}

function counts(all: readonly Finished[]): string {
  const failures = all.filter(({ result }) => result.outcome === "failed").length;
  const ms = all.reduce((sum, { result }) => sum + result.durationMs, 0);
  return `tests="${all.length}" failures="${failures}" errors="0" time="${seconds(ms)}"`;
}

function testcase(file: string, { test, result }: Finished): string {
  const head = `    <testcase name="${attribute(test.name)}" classname="${attribute(file)}" time="${seconds(result.durationMs)}"`;
  if (result.outcome === "passed") return `${head}/>`;
  if (result.outcome === "skipped")
    return `${head}>\n      <skipped>${content(test.skip ?? "")}</skipped>\n    </testcase>`;
  const failures = result.failures.map(
    (one) =>
      `      <failure message="${attribute(one.message)}" type="${attribute(one.code ?? "expectation")}">${content(failureBody(one))}</failure>`,
  );
  const logs = result.logs.length === 0 ? "" : `\n      <system-out>${content(result.logs.join("\n"))}</system-out>`;
  return `${head}>\n${failures.join("\n")}${logs}\n    </testcase>`;
}

function failureBody({ message, where, expected, actual, details = [] }: Failure): string {
  const lines = [message];
  if (where !== undefined) lines.push(`at ${where.file}:${where.line}:${where.column}`);
  if (expected !== undefined) lines.push(`expected: ${expected}`);
  if (actual !== undefined) lines.push(`actual: ${actual}`);
  return [...lines, ...details].join("\n");
}

const seconds = (ms: number): string => (ms / 1000).toFixed(6);

/** XML 1.0 has no way to say most control characters: they are written as an escape of JavaScript. */
function content(text: string): string {
  const replaced = text
    .replace(unsayable, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  return replaced.replace(/[&<>\r]/g, (one) => entities[one]!);
}

// oxlint-disable-next-line no-control-regex -- controls are what this is about
const unsayable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function attribute(text: string): string {
  return content(text).replace(/["\n\t]/g, (one) => entities[one]!);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\r": "&#13;",
  '"': "&quot;",
  "\n": "&#10;",
  "\t": "&#9;",
};
