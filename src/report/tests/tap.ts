import { stringify } from "yaml";
import type { Finished } from "../../scenario/types.js";
import type { TestRun } from "../../scenario/run-tests.js";

/** TAP version 14. */
export function tapReport(run: TestRun): string {
  const lines = ["TAP version 14", `1..${run.finished.length + run.left}`];
  for (const [i, one] of run.finished.entries()) lines.push(...testLines(i + 1, one));
  if (run.left > 0) lines.push("Bail out! Too many failures");
  return `${lines.join("\n")}\n`;
}

function testLines(number: number, { test, result }: Finished): string[] {
  const name = oneLine(test.name);
  if (result.outcome === "skipped") return [`ok ${number} - ${name} # SKIP ${oneLine(test.skip ?? "")}`];
  if (result.outcome === "passed") return [`ok ${number} - ${name}`];
  const diagnostic = {
    at: `${test.where.file}:${test.where.line}:${test.where.column}`,
    duration_ms: result.durationMs,
    failures: result.failures.map(({ message, where, expected, actual, details }) => ({
      message,
      ...(where && { at: `${where.file}:${where.line}:${where.column}` }),
      ...(expected !== undefined && { expected }),
      ...(actual !== undefined && { actual }),
      ...(details && details.length > 0 && { details }),
    })),
    ...(result.logs.length > 0 && { log: result.logs }),
  };
  const yaml = stringify(diagnostic, { lineWidth: 0 }).trimEnd().split("\n");
  return [`not ok ${number} - ${name}`, "  ---", ...yaml.map((line) => `  ${line}`), "  ..."];
}

/** A backslash and a number sign mean something in TAP. */
const oneLine = (text: string): string => text.replace(/\s+/g, " ").replace(/[\\#]/g, (one) => `\\${one}`);
