import type { LogLevelName } from "../abi/enums.js";
import type { FilterOptions, ProxyOptions } from "../harness/proxy-options.js";
import type { ProxyRequest } from "../harness/exchange.js";
import type { ModuleSource } from "../harness/source.js";
import type { Reply } from "../harness/upstreams.js";
import type { RequestMatcher } from "./for-all.js";
import type { Play } from "./play-shapes.js";
import type { BytesMatcher, HeaderMatcher, TextMatcher } from "./matchers.js";

/** A place in a file. Lines and columns count from 1. */
export interface Where {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a runner and reporters need of a test, wherever it was written: `*.pwh.yaml`, Google's suites, others. */
export interface TestCase {
  /** With the variant of a matrix: `tags the request [rust]`. */
  readonly name: string;
  readonly where: Where;
  readonly tags: readonly string[];
  /** The release of Envoy that it names. Default: the newest recorded. */
  readonly envoy?: string;
  /** Why it is not run. */
  readonly skip?: string;
  /** Files that it was read from and reads when it runs, for `--watch`: modules, configurations, the file itself. */
  readonly files: readonly string[];
  /** The plugins that it runs, for an attestation. */
  readonly plugins?: readonly TestedPlugin[];
  /** Never rejects for what the plugin does; for what nobody foresaw only. */
  run(): Promise<CaseResult>;
}

/** A plugin of a test. */
export interface TestedPlugin {
  readonly module: ModuleSource;
  readonly rootId: string;
  readonly configuration: Uint8Array;
  /** The test passes only when a plugin fails. */
  readonly expectsFailure: boolean;
}

/** What was wrong. */
export interface Failure {
  /** One sentence: what was looked at, what was expected. */
  readonly message: string;
  /** The expectation in the file; undefined when the plugin failed by itself. */
  readonly where?: Where;
  /** Both sides for a diff, a header or line on each line. */
  readonly expected?: string;
  readonly actual?: string;
  /** Further lines: guest frames, last hostcalls. */
  readonly details?: readonly string[];
  /** Code of a `HarnessError`. */
  readonly code?: string;
}

/** What came of a case. */
export interface CaseResult {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly failures: readonly Failure[];
  /** Real time in milliseconds. */
  readonly durationMs: number;
  /** Lines of the log as Envoy prints them, for a person: `[info] wasm log p: hello`. */
  readonly logs: readonly string[];
}

/** A case with its result, as reporters take them. */
export interface Finished {
  readonly test: TestCase;
  readonly result: CaseResult;
}

/** A value with its place in the file. */
export interface Located<T> {
  readonly value: T;
  readonly where: Where;
}

// -------------------------------------------------------------------------------------- a case of a *.pwh.yaml file

/** A case as data: what `*.pwh.yaml` is read into. Paths are resolved. */
export interface Case {
  readonly name: string;
  readonly where: Where;
  readonly tags: readonly string[];
  readonly skip?: string;
  readonly files: readonly string[];
  /** The proxy without its upstreams, which the runner makes: those that count, and those that are held. */
  readonly proxy: Omit<ProxyOptions, "upstreams" | "filters"> & { readonly filters: readonly FilterOptions[] };
  readonly upstreams: readonly ScenarioUpstream[];
  readonly steps: readonly Step[];
  /** A case of `pwh fuzz` in place of steps, and the names of the properties that hold for it. */
  readonly play?: Play & { readonly holds: readonly string[] };
  /** In place of steps: `expect` holds for all requests that match. */
  readonly forAll?: RequestMatcher;
  /** Of the whole case, after its last step. */
  readonly expect?: Expectations;
}

/** An upstream as a scenario file describes it. */
export interface ScenarioUpstream {
  readonly name: string;
  readonly where: Where;
  /** One for each request, the last one repeats; `"hold"`: a step `answer` gives it. */
  readonly replies: readonly (Reply | "hold")[];
  readonly protocol?: "HTTP/1.1" | "HTTP/2";
  readonly trailers?: boolean;
  readonly address?: string;
  readonly unhealthy?: boolean;
}

export type Step = StepAction & { readonly where: Where; readonly expect?: Expectations };

export type StepAction =
  /** Sends a request. With a name it stays under way until a step `finish`; without, time passes until it is over. */
  | { readonly kind: "request"; readonly request: ProxyRequest; readonly name?: string }
  | { readonly kind: "finish"; readonly name: string }
  /** The client of a request under way leaves. */
  | { readonly kind: "abort"; readonly name: string }
  | { readonly kind: "wait"; readonly ms: number }
  /** Time passes until plugins' timers have ticked this often. */
  | { readonly kind: "tick"; readonly times: number }
  | { readonly kind: "queue"; readonly vmId: string; readonly name: string; readonly items: readonly Uint8Array[] }
  /** Answers the oldest request that a held upstream has. */
  | { readonly kind: "answer"; readonly upstream: string; readonly reply: Reply };

/** What has to be true; what is not named may be anything. */
export interface Expectations {
  readonly where: Where;
  /** What the client got; of the whole case: of the last exchange. */
  readonly response?: MessageExpectations;
  /** A reply that a plugin made: the same, and that no upstream was asked. */
  readonly reply?: MessageExpectations;
  /** What the upstream got; `"none"`: nothing came there. */
  readonly upstreamRequest?: Located<"none"> | MessageExpectations;
  /** Lines, in this order, with others between them. */
  readonly logs?: readonly Located<LogExpectation>[];
  /** No line may be so. */
  readonly noLogs?: readonly Located<LogExpectation>[];
  readonly metrics?: readonly Located<MetricExpectation>[];
  /** All calls that plugins made, oldest first. */
  readonly calls?: Located<readonly CallExpectation[]>;
  /** By path with dots. */
  readonly properties?: readonly Located<{ readonly path: string; readonly is: BytesMatcher }>[];
  /** Lines of Envoy's `/stats` about plugins. */
  readonly stats?: readonly Located<{ readonly name: string; readonly is: TextMatcher }>[];
  readonly access?: readonly Located<{ readonly field: string; readonly is: TextMatcher }>[];
  /** A failure of the plugin: the case passes only with one. */
  readonly failure?: Located<{ readonly code?: string; readonly message?: TextMatcher }>;
  /** Name of a snapshot of everything seen. */
  readonly snapshot?: Located<string>;
}

export interface MessageExpectations {
  readonly where: Where;
  readonly status?: Located<number>;
  readonly method?: Located<TextMatcher>;
  readonly path?: Located<TextMatcher>;
  readonly upstream?: Located<string>;
  readonly headers?: readonly Located<HeaderMatcher>[];
  /** The whole list in order, pseudo headers left out. */
  readonly headerList?: Located<readonly (readonly [string, string])[]>;
  readonly trailers?: readonly Located<HeaderMatcher>[];
  readonly body?: Located<BytesMatcher>;
  readonly complete?: Located<boolean>;
  readonly reset?: Located<boolean>;
}

export interface LogExpectation {
  readonly level?: LogLevelName;
  readonly message: TextMatcher;
}

export interface MetricExpectation {
  readonly name: string;
  /** A counter's or gauge's value; of a histogram the samples. */
  readonly value: bigint | readonly bigint[] | "absent";
}

export interface CallExpectation extends MessageExpectations {
  readonly outcome?: Located<string>;
}
