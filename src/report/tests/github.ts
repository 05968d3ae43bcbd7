import type { TestRun } from "../../scenario/run-tests.js";

/** Workflow commands of GitHub Actions: an annotation for each failure, at its line. */
export function githubReport(run: TestRun): string {
  const lines: string[] = [];
  for (const { test, result } of run.finished) {
    for (const { where = test.where, message, expected, actual, details = [] } of result.failures) {
      const sides = expected !== undefined && actual !== undefined && `${expected}${actual}`.includes("\n");
      const text = [message, ...(sides ? [`expected:\n${expected}`, `actual:\n${actual}`] : []), ...details].join("\n");
      const at = `title=${property(test.name)},file=${property(where.file)},line=${where.line},col=${where.column}`;
      lines.push(`::error ${at}::${data(text)}`);
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** As `toolkit` of GitHub escapes what follows the second `::`. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
