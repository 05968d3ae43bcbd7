import { concat, noBytes, textOf, utf8 } from "../abi/bytes.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError, messageOf } from "../errors.js";
import type { Clock } from "../host/services/clock.js";
import { millisecondsToNs } from "../host/services/clock.js";
import type { FilterMetadata, Locality } from "../proxy/envoy/config-messages.js";
import type { Cluster, DownstreamStream, Host, HostEvents, HostStream, HttpProtocol } from "../proxy/envoy/peers.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { HeadersInput } from "./headers.js";
import { headers, pairsOf } from "./headers.js";
import type { UnusedReplies } from "./mocks.js";
import { Script, ScriptPlayer } from "./mocks.js";

/** What an upstream answers. Everything is optional: `{}` is an empty 200. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Besides `:status`. `content-length` is added for a body in one piece without trailers, unless it is given. */
  readonly headers?: HeadersInput;
  /** Text is UTF-8; a list is sent piece by piece. Default none. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly trailers?: HeadersInput;
  /** Milliseconds of virtual time before the answer begins. Default 0. */
  readonly delayMs?: number;
  /** Milliseconds between the pieces of the body. Default 0. */
  readonly chunkDelayMs?: number;
  /**
   * Instead of an answer, or in the middle of it: the connection is refused, reset before any answer, reset after the headers;
   * or nothing ever comes.
   */
  readonly fault?: "refused" | "reset" | "reset after headers" | "silence";
}

/** A request as it came to an upstream. */
export class UpstreamRequestView {
  /** Name of the upstream. */
  readonly upstream: string;
  readonly headers: HeaderMap;
  trailers: HeaderMap | undefined = undefined;
  /** The request is whole. */
  complete = false;
  private readonly _pieces: Uint8Array[] = [];

  constructor(upstream: string, headers: HeaderMap) {
    this.upstream = upstream;
    this.headers = headers;
  }
  get method(): string {
    return this.headers.first(":method") ?? "";
  }
  get path(): string {
    return this.headers.first(":path") ?? "";
  }
  /** Sizes of the pieces in which the body came. */
  get chunks(): readonly number[] {
    return this._pieces.map((piece) => piece.length);
  }
  get body(): Uint8Array {
    return this._pieces.length === 0 ? noBytes : concat(this._pieces);
  }
  /** The body as text: UTF-8, broken sequences shown as U+FFFD. */
  text(): string {
    return textOf(this.body);
  }
  json(): unknown {
    return JSON.parse(this.text()) as unknown;
  }
  /** For the upstream, which gathers it. */
  add(bytes: Uint8Array): void {
    if (bytes.length > 0) this._pieces.push(bytes);
  }
}

/** Answers requests: a function, called when a request is whole; the same answer each time; or a script. */
export type Upstream = Reply | Script | ((request: UpstreamRequestView) => Reply | Promise<Reply>);

type Answer = Exclude<Upstream, Script>;

/** An upstream with more to say about it than its answers. */
export interface UpstreamOptions {
  readonly answer: Upstream;
  /** Default HTTP/1.1; calls over gRPC want HTTP/2. */
  readonly protocol?: HttpProtocol;
  /** HTTP/1 trailers of responses are passed on. Default false, as in Envoy. */
  readonly enableTrailers?: boolean;
  /** Default 127.0.0.1:8000 and up. */
  readonly address?: string;
  /** No host is healthy: 503 `no_healthy_upstream`; calls fail at once. Default false. */
  readonly unhealthy?: boolean;
  /** Property `xds.cluster_metadata`, by filter name and key. */
  readonly metadata?: FilterMetadata;
  /** Property `xds.upstream_host_metadata`. Default: none, which has no bytes (SERIALIZATION_FAILURE), as in Envoy. */
  readonly hostMetadata?: FilterMetadata;
  /** Property `upstream.locality`. */
  readonly locality?: Locality;
}

/** A canned answer. */
export function reply(status = 200, body?: string | Uint8Array, more: Omit<Reply, "status" | "body"> = {}): Reply {
  return { status, ...(body !== undefined && { body }), ...more };
}

/** An upstream that never answers. */
export const noReply: Reply = { fault: "silence" };

/** What the upstreams of a proxy have in common. */
export interface UpstreamScope {
  readonly clock: () => Clock;
  /** A request arrives; `from` is the client's stream it belongs to, undefined for a plugin's call. */
  readonly arrived: (request: UpstreamRequestView, from: DownstreamStream | undefined) => void;
  /** A promise that somebody has to wait for. */
  readonly waitFor: (promise: Promise<unknown>) => void;
  /** An upstream's function threw. */
  readonly failed: (error: HarnessError) => void;
  /** How often the proxy was restored: what began before means nothing any more. */
  readonly generation: () => number;
}

/** The cluster behind the name of an upstream. */
export function clusterOf(
  name: string,
  given: Upstream | UpstreamOptions,
  index: number,
  scope: UpstreamScope,
  players?: ScriptPlayer[],
): Cluster {
  const options: UpstreamOptions = typeof given === "object" && "answer" in given ? given : { answer: given };
  const {
    answer: wanted,
    protocol = "HTTP/1.1",
    enableTrailers = false,
    address = `127.0.0.1:${8000 + index}`,
  } = options;
  let answer: Answer;
  if (wanted instanceof Script) {
    const player = new ScriptPlayer(name, wanted);
    players?.push(player);
    answer = (request) => player.answer(request);
  } else answer = wanted;
  const refuses = typeof answer === "object" && answer.fault === "refused";
  const host: Host = {
    address,
    refuses,
    ...(options.hostMetadata && { metadata: options.hostMetadata }),
    ...(options.locality && { locality: options.locality }),
    open: (events, from) => new UpstreamConversation(name, protocol, answer, scope, events, from),
  };
  const hosts = options.unhealthy === true ? [] : [host];
  return { name, protocol, enableTrailers, hosts, ...(options.metadata && { metadata: options.metadata }) };
}

/** One request and its answer. */
class UpstreamConversation implements HostStream {
  private readonly _name: string;
  private readonly _protocol: HttpProtocol;
  private readonly _answer: Answer;
  private readonly _scope: UpstreamScope;
  private readonly _events: HostEvents;
  private _request: UpstreamRequestView | undefined = undefined;
  private readonly _from: DownstreamStream | undefined;
  private _gone = false;
  private readonly _generation: number;

  constructor(
    name: string,
    protocol: HttpProtocol,
    answer: Answer,
    scope: UpstreamScope,
    events: HostEvents,
    from: DownstreamStream | undefined,
  ) {
    this._from = from;
    this._generation = scope.generation();
    this._name = name;
    this._protocol = protocol;
    this._answer = answer;
    this._scope = scope;
    this._events = events;
  }

  headers(map: HeaderMap, endOfStream: boolean): void {
    this._request = new UpstreamRequestView(this._name, map);
    this._scope.arrived(this._request, this._from);
    if (endOfStream) this._complete();
  }

  data(bytes: Uint8Array, endOfStream: boolean): void {
    this._request!.add(bytes);
    if (endOfStream) this._complete();
  }

  trailers(trailers: HeaderMap): void {
    this._request!.trailers = trailers;
    this._complete();
  }

  reset(): void {
    this._gone = true;
  }

  private _complete(): void {
    const request = this._request!;
    request.complete = true;
    if (typeof this._answer !== "function") {
      this._send(this._answer);
      return;
    }
    let answer: Reply | Promise<Reply>;
    try {
      answer = this._answer(request);
    } catch (thrown) {
      return this._failed(thrown);
    }
    if (!(answer instanceof Promise)) {
      this._send(answer);
      return;
    }
    this._scope.waitFor(
      answer.then(
        (one) => this._send(one),
        (thrown: unknown) => this._failed(thrown),
      ),
    );
  }

  private _failed(thrown: unknown): void {
    if (this._generation !== this._scope.generation()) return;
    const exhausted = thrown instanceof HarnessError && thrown.code === "UPSTREAM_EXHAUSTED";
    const error = exhausted
      ? thrown
      : new HarnessError("UPSTREAM_FAILED", `Upstream "${this._name}" threw: ${messageOf(thrown)}`, {
          cause: thrown,
        });
    this._scope.failed(error);
    this._later(0, () => this._events.reset("connection termination"));
  }

  private _send(answer: Reply): void {
    if (this._generation !== this._scope.generation()) return;
    const { fault, delayMs = 0 } = answer;
    if (fault === "silence") return;
    if (fault === "refused" || fault === "reset") {
      const reason =
        fault === "refused"
          ? "remote connection failure"
          : this._protocol === "HTTP/2"
            ? "remote reset"
            : "connection termination";
      this._later(delayMs, () => this._events.reset(reason));
      return;
    }
    this._later(delayMs, () => this._begin(answer));
  }

  private _begin(answer: Reply): void {
    const bodiless = this._request!.method === "HEAD" || answer.status === 204 || answer.status === 304;
    const http2 = this._protocol === "HTTP/2";
    const make = answer === this._answer ? prepared : prepare; // what a function gives may be changed and given again
    const { map, pieces, trailers } = make(answer, http2, bodiless);
    const cut = answer.fault === "reset after headers";
    const ends = pieces.length === 0 && trailers === undefined && !cut;
    this._events.headers(map.copy(), ends);
    if (ends || this._gone) return;
    if (cut) {
      this._later(0, () => this._events.reset(http2 ? "remote reset" : "connection termination"));
      return;
    }
    this._pieces(pieces, 0, answer.chunkDelayMs ?? 0, trailers?.copy());
  }

  private _pieces(pieces: readonly Uint8Array[], at: number, delayMs: number, trailers: HeaderMap | undefined): void {
    if (this._gone) return;
    if (at === pieces.length) {
      if (trailers !== undefined) this._events.trailers(trailers);
      else this._events.data(noBytes, true); // HTTP/1 tells the end by an empty part of its own
      return;
    }
    const last = at === pieces.length - 1 && trailers === undefined && this._protocol === "HTTP/2";
    this._events.data(pieces[at]!, last);
    if (last) return;
    const next = (): void => this._pieces(pieces, at + 1, delayMs, trailers);
    if (delayMs > 0 && at + 1 < pieces.length) this._later(delayMs, next);
    else next();
  }

  private _later(ms: number, run: () => void): void {
    this._scope.clock().schedule(millisecondsToNs(ms), () => {
      if (!this._gone) run();
    });
  }
}

/** A reply as it goes over the wire. */
interface PreparedReply {
  readonly map: HeaderMap;
  readonly pieces: readonly Uint8Array[];
  readonly trailers: HeaderMap | undefined;
}

/** Canned replies are prepared once. */
const prepares = new WeakMap<Reply, Map<number, PreparedReply>>();

function prepared(answer: Reply, http2: boolean, bodiless: boolean): PreparedReply {
  const kind = (http2 ? 1 : 0) | (bodiless ? 2 : 0);
  let kinds = prepares.get(answer);
  if (kinds === undefined) prepares.set(answer, (kinds = new Map<number, PreparedReply>()));
  let found = kinds.get(kind);
  if (found === undefined) kinds.set(kind, (found = prepare(answer, http2, bodiless)));
  return found;
}

function prepare(answer: Reply, http2: boolean, bodiless: boolean): PreparedReply {
  const map = new HeaderMap("response");
  map.add(":status", String(answer.status ?? 200));
  for (const [name, value] of pairsOf(answer.headers ?? [])) if (name !== ":status") map.add(name, value);
  const trailers = answer.trailers === undefined ? undefined : headers(answer.trailers, "responseTrailers");
  const pieces = bodiless ? [] : bodyOf(answer.body);
  if (!map.has("content-length") && !map.has("transfer-encoding")) {
    if (pieces.length === 1 && trailers === undefined) map.add("content-length", String(pieces[0]!.length));
    else if (!http2 && (pieces.length > 0 || trailers !== undefined)) map.add("transfer-encoding", "chunked");
    else if (!http2 && !bodiless) map.add("content-length", "0");
  }
  return { map, pieces, trailers };
}

function bodyOf(body: Reply["body"]): readonly Uint8Array[] {
  if (body === undefined) return [];
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  return pieces.map((piece) => (typeof piece === "string" ? utf8(piece) : piece)).filter((piece) => piece.length > 0);
}

/**
 * What an upstream that no test named does: `"error"` fails the exchange; `"envoy"` is Envoy's own answer (BAD_ARGUMENT to a
 * call, 503 `cluster_not_found` to a route); `"503"` answers so; a function or a reply answers in its place.
 */
export type UnknownUpstream = "error" | "envoy" | "503" | Upstream;

/** See `UpstreamTable.capture`. */
export interface UpstreamsState {
  readonly size: number;
  readonly asked: readonly number[];
}

/** The clusters of a proxy, by name; those that were not named are made, or told of, when somebody asks for them. */
export class UpstreamTable extends Map<string, Cluster> {
  private readonly _unknown: UnknownUpstream;
  private readonly _players: ScriptPlayer[] = [];
  private readonly _scope: UpstreamScope;

  constructor(
    upstreams: Readonly<Record<string, Upstream | UpstreamOptions>>,
    unknown: UnknownUpstream,
    scope: UpstreamScope,
  ) {
    super();
    this._unknown = unknown;
    this._scope = scope;
    for (const [i, [name, one]] of Object.entries(upstreams).entries())
      this.set(name, clusterOf(name, one, i, scope, this._players));
  }

  override get(name: string): Cluster | undefined {
    const known = super.get(name);
    if (known !== undefined || this._unknown === "envoy") return known;
    if (this._unknown === "error") {
      const names = [...this.keys()];
      const defined = names.length === 0 ? "none is defined" : `defined are ${names.join(", ")}`;
      this._scope.failed(
        new HarnessError("UPSTREAM_UNKNOWN", `Upstream "${name}" is not defined: ${defined}${didYouMean(name, names)}`),
      );
      return undefined;
    }
    const made = clusterOf(name, this._unknown === "503" ? { status: 503 } : this._unknown, this.size, this._scope);
    this.set(name, made);
    return made;
  }

  /** Scripts that are not at their end. */
  get unused(): readonly UnusedReplies[] {
    return this._players.flatMap(({ upstream, unused }) => (unused === 0 ? [] : [{ upstream, replies: unused }]));
  }

  /** For a snapshot. */
  capture(): UpstreamsState {
    return { size: this.size, asked: this._players.map(({ asked }) => asked) };
  }

  /** Goes back there: clusters that were made since are gone. */
  restore({ size, asked }: UpstreamsState): void {
    for (const name of [...this.keys()].slice(size)) this.delete(name);
    this._players.forEach((player, i) => (player.asked = asked[i]!));
  }
}
