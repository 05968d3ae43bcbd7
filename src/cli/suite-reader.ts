import type { TestFile } from "../scenario/run-tests.js";
import { isSuiteFile } from "../suites/suite-file.js";

/** What the command says of suites: plain data, for threads too. */
export interface SuiteArguments {
  readonly plugin?: string;
  readonly configuration?: Uint8Array;
}

/** Reads suites of GoogleCloudPlatform/service-extensions; their reader is loaded when there is one. */
export function suiteReader(options: SuiteArguments): (file: string) => Promise<TestFile> | undefined {
  return (file) =>
    isSuiteFile(file)
      ? import("../suites/suite-tests.js").then(({ readSuite }) => readSuite(file, options))
      : undefined;
}
