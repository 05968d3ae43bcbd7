import { findingText } from "../fuzz/finding-text.js";
import type { FuzzReport } from "../fuzz/fuzz.js";
import type { TestRun } from "../scenario/run-tests.js";
import type { CaseResult, Finished } from "../scenario/types.js";

/**
 * A run of the fuzzer as reporters of tests take it: each property is a test, each of its findings a failure.
 *
 * @param command The module's path, with the options that it was fuzzed with: for the line that replays a finding.
 */
export function fuzzTestRun(module: string, command: string, report: FuzzReport): TestRun {
  const where = { file: module, line: 1, column: 1 };
  // properties are checked side by side: none has a time of its own
  const share = report.elapsedMs / Math.max(1, report.properties.length);
  const finished = report.properties.map((name): Finished => {
    const failures = report.findings
      .filter(({ property }) => property === name)
      .map((finding) => {
        const [message, ...details] = findingText(command, finding).split("\n");
        return { message: message!, details, code: name };
      });
    const outcome: CaseResult["outcome"] = failures.length === 0 ? "passed" : "failed";
    const result: CaseResult = { outcome, failures, durationMs: share, logs: [] };
    return { test: { name, where, tags: [], files: [module], run: () => Promise.resolve(result) }, result };
  });
  return { finished, left: 0, leftOut: 0, durationMs: report.elapsedMs, written: [] };
}
