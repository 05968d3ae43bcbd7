import type { LogLevelName } from "../abi/enums.js";
import type { Where } from "../scenario/types.js";

/** A suite as its schema has it: `plugins/test/runner.proto` of GoogleCloudPlatform/service-extensions. */
export interface Suite {
  readonly environment: Environment;
  readonly tests: readonly SuiteTest[];
}

export interface Environment {
  /** As written; relative to the file. */
  readonly wasmPath: string | undefined;
  readonly configPath: string | undefined;
  readonly logLevel: LogLevelName;
  /** Seconds since the epoch that every clock shows; undefined: the epoch and a millisecond. */
  readonly timeSecs: bigint | undefined;
}

export interface SuiteTest {
  readonly name: string;
  readonly where: Where;
  readonly chunking: Chunking | undefined;
  readonly properties: readonly { readonly path: string; readonly value: string }[];
  readonly phases: readonly Phase[];
  readonly pluginInit: readonly StringMatcher[];
  readonly streamInit: readonly StringMatcher[];
  readonly streamDestroy: readonly StringMatcher[];
}

/** How a body is cut. */
export type Chunking =
  { readonly count: number; readonly where: Where } | { readonly size: number; readonly where: Where };

export type PhaseName = "request_headers" | "request_body" | "response_headers" | "response_body";

/** An invocation of one phase. Bodies may have several. */
export interface Phase {
  readonly name: PhaseName;
  readonly where: Where;
  readonly input: Input;
  readonly result: Expectation;
}

export interface Input {
  readonly where: Where;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** HTTP/1 text, or bytes of a body. */
  readonly content: string | undefined;
  /** A file with such, as written. */
  readonly file: string | undefined;
}

export interface Expectation {
  readonly where: Where;
  readonly hasHeader: readonly HeaderExpectation[];
  readonly noHeader: readonly HeaderExpectation[];
  readonly headers: readonly StringMatcher[];
  readonly body: readonly StringMatcher[];
  readonly immediate: Immediate | undefined;
  readonly log: readonly StringMatcher[];
}

export interface HeaderExpectation {
  readonly where: Where;
  readonly name: string;
  readonly value: string;
}

export interface Immediate {
  readonly where: Where;
  readonly httpStatus: number | undefined;
  readonly grpcStatus: number | undefined;
  readonly details: string | undefined;
}

export interface StringMatcher {
  readonly where: Where;
  readonly invert: boolean;
  readonly kind: "exact" | "regex" | "file";
  /** Bytes, a pattern of RE2, or the path of a file. */
  readonly text: string;
}
