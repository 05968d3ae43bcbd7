/**
 * What is played to a real Envoy: plugins, clients and upstreams, as JSON.
 *
 * A body is a text or a list of chunks. Each text stands for its UTF-8 bytes, or is `rep:N:c` (N times the character c), `hex:…` or
 * `b64:…`. Header lists keep order, case and duplicates. Times are milliseconds.
 */
export interface Scenario {
  readonly name: string;
  readonly doc?: string;
  readonly plugins?: readonly PluginSpec[];
  /** One after the other, each on its own connection; default: one GET. */
  readonly clients?: readonly ClientSpec[];
  /** All clients at once; their results keep the order given here. */
  readonly parallel?: boolean;
  /** By cluster, one behaviour per request (TCP: per connection); the last one repeats. Default: 200 with the body `hello`. */
  readonly upstreams?: Readonly<Partial<Record<ClusterName, readonly OriginSpec[]>>>;
  /** Clusters whose origin does not listen. */
  readonly upstreams_off?: readonly ClusterName[];

  /** What clients speak by default: `http1`. */
  readonly downstream?: "http1" | "http2";
  /** What `up` and `up2` speak: `http1`. `call` and `code` always speak HTTP/1, `grpc` HTTP/2. */
  readonly upstream?: "http1" | "http2";
  /** A TCP proxy instead of HTTP. */
  readonly tcp?: boolean;
  /** HTTP/1 trailers of clients are passed on. */
  readonly h1_trailers?: boolean;
  /** HTTP/1 trailers of upstreams are passed on. */
  readonly upstream_trailers?: boolean;
  /** `per_connection_buffer_limit_bytes` of the listener and, unless `upstream_limit` is false, of `up` and `up2`. */
  readonly buffer_limit?: number;
  readonly upstream_limit?: boolean;
  readonly stream_idle_timeout_ms?: number;
  /** Timeout of the default route, as Envoy writes it: `15s`. */
  readonly route_timeout?: string;
  /** Replaces the one route `/` to `up`. */
  readonly routes?: readonly JsonObject[];
  /** Merged into the default route, the connection manager, the listener, clusters by name, the bootstrap. */
  readonly extra_route?: JsonObject;
  readonly extra_hcm?: JsonObject;
  readonly extra_listener?: JsonObject;
  readonly extra_cluster?: Readonly<Record<string, JsonObject>>;
  readonly extra_bootstrap?: JsonObject;
  /** Other HTTP filters and their places in the chain. */
  readonly extra_filters?: readonly (readonly [index: number, filter: JsonObject])[];
  /** Runtime flags. */
  readonly runtime?: JsonObject;
  readonly process_env?: Readonly<Record<string, string>>;
  /** Further fields of the access log: name to command operator without its `%`. */
  readonly access_log_fields?: Readonly<Record<string, string>>;

  /** Worker threads: 1. */
  readonly concurrency?: number;
  /** Level of all loggers: `warning`. */
  readonly log_level?: LogLevel;
  /** Levels by logger; `wasm` is `info` by default. At `trace` the recording has every crossing of the border. */
  readonly log_levels?: Readonly<Record<string, LogLevel>>;
  /** Before the first client. */
  readonly wait_ms?: number;
  /** After the last client: 80. */
  readonly settle_ms?: number;
  /** Default 15,000. */
  readonly start_timeout_ms?: number;
  /** Which statistics are recorded, a regular expression: `wasm`. */
  readonly stats_filter?: string;
  /** Records the Prometheus form of the statistics too. */
  readonly prometheus?: boolean;
  /** Records what is left out by default: info lines of the main thread (canary, base VM, service), or lines of the shutdown. */
  readonly also?: readonly ("main" | "shutdown")[];
  /** Replaces what differs between runs, beside what is always masked: pairs of regular expression and replacement. */
  readonly mask?: readonly (readonly [pattern: string, replacement: string])[];
  /** Parts that differ between runs even so, each with the reason; they are recorded but not compared. */
  readonly unstable?: Readonly<Partial<Record<UnstablePart, string>>>;
}

export type UnstablePart =
  "started" | "exit" | "log" | "main" | "trace" | "clients" | "upstream" | "idle" | "access" | "stats";

/** `up` and `up2` are for routes, `call` and `grpc` for calls of plugins, `code` for modules; `refused` refuses connections, `empty` has no host. */
export type ClusterName = "up" | "up2" | "call" | "grpc" | "code" | "refused" | "empty";

export type LogLevel = "trace" | "debug" | "info" | "warning" | "error" | "critical";

export type JsonObject = { readonly [name: string]: unknown };

export type HeaderList = readonly (readonly [name: string, value: string])[];

export type BodySpec = string | readonly string[];

/** A text is a StringValue; lines become one text. */
export type ConfigSpec =
  | string
  | readonly string[]
  | { readonly struct: JsonObject }
  | { readonly bytes_b64: string }
  | { readonly any: JsonObject };

export interface PluginSpec {
  /** `p` */
  readonly name?: string;
  readonly root_id?: string;
  readonly vm_id?: string;
  /** Where it stands: `http`. An `upstream` filter is one of the cluster `up`. */
  readonly kind?: "http" | "upstream" | "network" | "access_log" | "service" | "stats_sink";
  /** A module of `fixtures/probe` without `.wasm`, or an absolute path: `probe`. */
  readonly module?: string;
  /** The module itself. */
  readonly inline_b64?: string;
  /** Fetches the module from the cluster `code`; with a sha256 other than the module's the fetch fails. */
  readonly remote?: { readonly sha256?: string };
  /** Plugin configuration; `script` is the same for the probe. */
  readonly config?: ConfigSpec;
  readonly script?: string | readonly string[];
  readonly vm_config?: ConfigSpec;
  readonly failure_policy?: "FAIL_RELOAD" | "FAIL_CLOSED" | "FAIL_OPEN" | "UNSPECIFIED";
  readonly fail_open?: boolean;
  /** First interval of the back-off of FAIL_RELOAD. */
  readonly reload_ms?: number;
  /** `allow_on_headers_stop_iteration` */
  readonly allow_stop?: boolean;
  /** The allowed capabilities; all others are forbidden. */
  readonly capabilities?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Variables of Envoy's own environment that the plugin gets. */
  readonly env_host?: readonly string[];
  /** `envoy.wasm.runtime.v8` */
  readonly runtime?: string;
  /** Name of the HTTP filter, if not the plugin's. */
  readonly filter_name?: string;
  /** Of a service: one on the main thread (default) or one per worker. */
  readonly singleton?: boolean;
  /** Members that replace those of `vm_config`, of the plugin configuration. */
  readonly vm_extra?: JsonObject;
  readonly extra?: JsonObject;
}

export interface ClientSpec {
  readonly proto?: "http1" | "http2" | "tcp";
  /** GET, or POST if there is a body. */
  readonly method?: string;
  /** `/` */
  readonly path?: string;
  /** `test.local` */
  readonly authority?: string;
  readonly headers?: HeaderList;
  readonly body?: BodySpec;
  /** Before each chunk and before the end: 40 (TCP: after each chunk, 50). Chunks closer than about 20 may arrive as one. */
  readonly chunk_delay_ms?: number;
  readonly end_delay_ms?: number;
  /** HTTP/1; with trailers `chunked`, otherwise `length`. */
  readonly framing?: "length" | "chunked";
  /** A content-length that is not the body's; HTTP/2: true sends the right one. */
  readonly content_length?: number | true;
  readonly trailers?: HeaderList;
  /** HTTP/2: END_STREAM on a frame of its own. */
  readonly empty_end?: boolean;
  /** HTTP/2: sent in a METADATA frame behind the headers. */
  readonly metadata?: HeaderList;
  /** The request is never finished. */
  readonly no_end?: boolean;
  /** HTTP/2: the pseudo-headers, instead of the four usual ones. */
  readonly pseudo?: HeaderList;
  /** HTTP/1: these bytes instead of a request. */
  readonly raw?: BodySpec;
  /** Leaves after this time: with a reset, or with a FIN where `abort_kind` says so. */
  readonly abort_after_ms?: number;
  readonly abort_kind?: "fin";
  /** How long an answer is waited for: 1,500 (TCP: 500). */
  readonly timeout_ms?: number;
  /** Waits before, waits after. */
  readonly at_ms?: number;
  readonly after_ms?: number;
  /** TCP, after the body: half-closes, closes, resets. */
  readonly half_close?: boolean;
  readonly close?: boolean;
  readonly abort?: boolean;
}

export interface OriginSpec {
  /** 200 */
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: HeaderList;
  /** `hello`; null for none. */
  readonly body?: BodySpec | null;
  /** HTTP/1; with trailers `chunked`, otherwise `length`. `close` ends the body with the connection. */
  readonly framing?: "length" | "chunked" | "close";
  readonly trailers?: HeaderList | null;
  /** HTTP/2: status and END_STREAM in one HEADERS frame. */
  readonly trailers_only?: boolean;
  /** Answers when the request is complete (default) or when its headers are there. */
  readonly when?: "end" | "headers";
  readonly delay_ms?: number;
  /** After the response headers. */
  readonly headers_delay_ms?: number;
  /** Between chunks: 30. */
  readonly chunk_delay_ms?: number;
  /** Before the last chunk or the trailers. */
  readonly end_delay_ms?: number;
  /** Never answers. */
  readonly hang?: boolean;
  /** Resets the connection (HTTP/2: the stream). */
  readonly abort?: "before_headers" | "after_headers" | "mid_body";
  /** HTTP/2: code of that reset, 2. */
  readonly error?: number;
  /** HTTP/2: sent in a METADATA frame behind the headers. */
  readonly metadata?: HeaderList;
  /** HTTP/2: END_STREAM on a frame of its own. */
  readonly empty_end?: boolean;
  /** HTTP/1: these bytes instead of a response; then the connection is closed, unless `close` is false. TCP: closes after the body. */
  readonly raw?: BodySpec;
  readonly close?: boolean;
  /** TCP: sent before anything is received. */
  readonly greet?: BodySpec;
}
