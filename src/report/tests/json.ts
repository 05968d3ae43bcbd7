import type { TestRun } from "../../scenario/run-tests.js";

/** One JSON object: every result in full. */
export function jsonReport(run: TestRun): string {
  const count = (outcome: string): number => run.finished.filter(({ result }) => result.outcome === outcome).length;
  const report = {
    schema: 1,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    notRun: run.left,
    leftOut: run.leftOut,
    durationMs: run.durationMs,
    written: run.written,
    tests: run.finished.map(({ test, result }) => ({
      name: test.name,
      ...test.where,
      tags: test.tags,
      ...(test.skip !== undefined && { skip: test.skip }),
      ...result,
    })),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
