import type { LogLevel } from "./scenario.js";
import type { TraceEntry } from "./trace.js";

/**
 * What a real Envoy did with a scenario: all that is the same in every run.
 *
 * What differs is masked: dates `<date>`, request ids `<uuid>`, ports `<port>`, milliseconds `<ms>`, times `<time>` (mask.ts).
 * Bytes are shown as text (`showBytes`), those that are not UTF-8 as `\xHH`; more than 2,000 of them by head, length and SHA-256.
 */
export interface Recording {
  /** Release of Envoy, `1.40.0`. */
  readonly envoy: string;
  /** Whether it began to listen. If not, `main` and `stderr` say why. */
  readonly started: boolean;
  /** 0 after an ordinary end, 1 for a configuration it refused, a signal if it crashed, `killed` if it had to be. */
  readonly exit: number | string;
  /** Lines of the worker threads until the shutdown: the probe's `CB`, `HC`, `RET`, other guest lines, Envoy's own about traps. */
  readonly log: readonly LogLine[];
  /** Set if only the first lines of log and access log were kept: a crash, or a guest that re-enters itself, writes thousands. */
  readonly logCut?: true;
  /** Lines of the main thread: warnings and worse; all, if Envoy did not start or the scenario wants them. */
  readonly main?: readonly LogLine[];
  /** Lines of the worker threads after SIGTERM, if the scenario wants them. */
  readonly shutdown?: readonly LogLine[];
  /** Every crossing of the border on the worker threads, if the scenario sets the logger `wasm` to `trace`. */
  readonly trace?: readonly TraceEntry[];
  /** In the order of the scenario. */
  readonly clients: readonly ClientRecord[];
  /** By cluster, in order of arrival; clusters that saw nothing are absent. */
  readonly upstream: Readonly<Record<string, readonly UpstreamRecord[]>>;
  /** Connections by cluster that carried nothing. */
  readonly idle?: Readonly<Record<string, number>>;
  readonly access: readonly AccessEntry[];
  /** Name to value, as `/stats` prints it; absent if Envoy was gone by then. */
  readonly stats?: Readonly<Record<string, string>>;
  readonly prometheus?: readonly string[];
  /** What Envoy wrote beside its log when it did not start. */
  readonly stderr?: readonly string[];
}

/** Of a guest, with the prefix Envoy put before it (`p r`), or Envoy's own, with its logger. */
export type LogLine =
  | { readonly level: LogLevel; readonly prefix: string; readonly message: string }
  | { readonly level: LogLevel; readonly logger: string; readonly message: string };

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/**
 * `complete`, `reset` (RST_STREAM), `closed` (the connection ended first), `timeout` (still open), `aborted` (by the client itself).
 *
 * A connection ended by FIN is not told from one ended by a TCP reset: the kernel sends the latter whenever Envoy has not read all.
 */
export type ClientEnd = "complete" | "reset" | "closed" | "timeout" | "aborted" | "refused";

export interface ClientRecord {
  readonly proto: "http1" | "http2" | "tcp";
  /** 1xx before the response. */
  readonly informational?: readonly HeaderPairs[];
  readonly status?: number | string;
  /** HTTP/1: the status line. */
  readonly line?: string;
  readonly headers?: HeaderPairs;
  readonly body?: string;
  /** Sizes of HTTP/1 chunks, of DATA frames. */
  readonly chunks?: readonly number[];
  readonly trailers?: HeaderPairs;
  /** HTTP/2: of METADATA frames. */
  readonly metadata?: readonly HeaderPairs[];
  readonly end: ClientEnd;
  /** Of an RST_STREAM; with the end `complete` it followed the response. */
  readonly resetCode?: number;
  readonly goaway?: number;
  /** HTTP/1, after a complete response. */
  readonly connection?: "open" | "closed";
  /** HTTP/1: bytes behind the response. */
  readonly extra?: string;
  /** What did not work while sending, what Envoy sent that cannot be read. */
  readonly problem?: string;
}

/** As for clients; `open`: when the scenario ended the request was not complete and the connection still there. */
export type UpstreamEnd = "complete" | "reset" | "closed" | "open";

export interface UpstreamRecord {
  readonly proto: "http1" | "http2" | "tcp";
  /** HTTP/1: the request line. */
  readonly line?: string;
  readonly headers?: HeaderPairs;
  readonly body?: string;
  readonly chunks?: readonly number[];
  readonly trailers?: HeaderPairs;
  readonly metadata?: readonly HeaderPairs[];
  readonly end: UpstreamEnd;
  readonly resetCode?: number;
  /** Envoy ended the connection, or with a `resetCode` the stream, of a complete request before the scenario was over. */
  readonly afterwards?: "closed" | "reset";
  /** What is not a request: the bytes of one that never got further than its headers. */
  readonly problem?: string;
}

/** By the names `code details flags rx tx proto method path cluster route grpc` and those the scenario adds. */
export type AccessEntry = Readonly<Record<string, unknown>>;
