import { afterAll, describe, test } from "vitest";

/**
 * Makes a `describe` of each scenario file (`*.pwh.yaml`) and a `test` of each of its cases: `await describeScenarios("tests")`.
 *
 * @param patterns Files, directories, patterns with `*` and `**`, seen from the working directory.
 * @throws {HarnessError} FILE_UNREADABLE; SCENARIO_INVALID for files that are wrong, and patterns that match none.
 */
export async function describeScenarios(...patterns: string[]): Promise<void> {
  const scenarios = await import("../scenario/describe.js");
  await scenarios.describeScenarios(patterns, { describe, test, after: afterAll });
}
