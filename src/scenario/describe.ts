import { testFiles } from "./files.js";
import { readAllTests } from "./run-tests.js";
import type { Failure } from "./types.js";

/** What a test runner has: `describe` and `test` of vitest, jest or node:test. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: ((name: string, body: () => Promise<void>) => unknown) & {
    readonly skip: (name: string, body: () => void) => unknown;
  };
  /** After the last test of a file. */
  readonly after: (body: () => void) => unknown;
}

/**
 * Makes a `describe` of each scenario file and a `test` of each of its cases.
 *
 * @param patterns Files, directories, patterns with `*` and `**`, as `pwh test` takes them.
 * @throws {HarnessError} FILE_UNREADABLE; SCENARIO_INVALID for files that are wrong, and patterns that match none.
 */
export async function describeScenarios(patterns: string | readonly string[], runner: TestRunner): Promise<void> {
  const files = await readAllTests(testFiles([patterns].flat()));
  for (const { file, tests, close } of files) {
    runner.describe(file, () => {
      for (const one of tests) {
        if (one.skip !== undefined) runner.test.skip(`${one.name} (${one.skip})`, () => {});
        else
          runner.test(one.name, async () => {
            const { failures, logs } = await one.run();
            if (failures.length > 0) throw new ScenarioFailed(failures, logs);
          });
      }
      runner.after(() => void close());
    });
  }
}

/** A case that failed, for a test runner: what was wrong, where, and the log. */
export class ScenarioFailed extends Error {
  override readonly name = "ScenarioFailed";
  readonly failures: readonly Failure[];
  /** Of the first failure: test runners show a diff of them. */
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(failures: readonly Failure[], logs: readonly string[]) {
    const lines = failures.flatMap(({ message, where, details = [] }) => [
      message,
      ...(where ? [`  at ${where.file}:${where.line}:${where.column}`] : []),
      ...details.map((line) => `  ${line}`),
    ]);
    super([...lines, ...(logs.length > 0 ? ["log:", ...logs.map((line) => `  ${line}`)] : [])].join("\n"));
    this.failures = failures;
    this.expected = failures[0]?.expected;
    this.actual = failures[0]?.actual;
  }
}
