/** Scenario files as a library: `proxy-wasm-harness/scenario`. */
export { describeScenarios, ScenarioFailed } from "./describe.js";
export type { TestRunner } from "./describe.js";
export { testFiles } from "./files.js";
export { readAllTests, readTests, runTests } from "./run-tests.js";
export type { ReadOptions, RunTestsOptions, TestFile, TestRun } from "./run-tests.js";
export { scenarioSchema } from "./schema.js";
export { recordScenario } from "./record.js";
export { findingScenario } from "./save-finding.js";
export type { FoundWith } from "./save-finding.js";
export type { Draft, DraftCase } from "./record.js";
export type { CaseResult, Failure, Finished, TestCase, Where } from "./types.js";
