// oxlint-disable oxc/no-map-spread -- fast-check's map, not an array's: nothing is there to be changed in place
import fc from "fast-check";
import type { ClientSpec, OriginSpec, PluginSpec, Scenario } from "../envoy/scenario.js";

/**
 * Random programs for the probe guest, with the traffic they run on: what `parity:fuzz` plays to both hosts.
 *
 * Left out is what a real Envoy leaves to chance or dies of (continue while nothing is paused, moving a stream that is being
 * logged): the recordings have those one by one. Waits are long enough for a busy machine: what is sent closer together than 40 ms
 * may arrive as one.
 */
export function programs(): fc.Arbitrary<Scenario> {
  return fc
    .record({
      plugins: fc.array(plugin(), { minLength: 1, maxLength: 3 }),
      clients: fc.array(client(), { minLength: 1, maxLength: 2 }),
      up: fc.option(fc.array(origin(), { minLength: 1, maxLength: 2 }), { nil: undefined }),
      http2Up: fc.boolean(),
      limit: fc.option(fc.constantFrom(64, 1024), { nil: undefined, freq: 6 }),
      trailers: fc.boolean(),
    })
    .map(({ plugins, clients, up, http2Up, limit, trailers }) => ({
      name: "program",
      plugins: plugins.map((one, i) => ({
        ...one,
        name: `p${i + 1}`,
        ...(one.vm_id === "own" && { vm_id: `v${i + 1}` }),
      })),
      // an origin that speaks HTTP/2 and sends a body to HEAD breaks the protocol: that is not what this is about
      clients: clients.map(({ method, ...one }) => ({ ...one, ...(method !== undefined && !http2Up && { method }) })),
      ...(up && { upstreams: { up } }),
      ...(http2Up && { upstream: "http2" as const }),
      // of a small limit HTTP/2 makes small reads of the socket: where a body is cut then is no behaviour of filters
      ...(limit !== undefined &&
        !http2Up &&
        clients.every(({ proto }) => proto !== "http2") && { buffer_limit: limit }),
      ...(trailers && { h1_trailers: true, upstream_trailers: true }),
      stream_idle_timeout_ms: 700,
      settle_ms: 120,
    }));
}

const word = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);

const name = word(
  "x-a",
  "x-b",
  "accept",
  "cookie",
  "set-cookie",
  "content-type",
  "server",
  "via",
  "host",
  "x-c",
  "grpc-status",
);
const pseudo = word(":path", ":authority", ":status", ":method", ":scheme");
const value = word("1", "two", '"a b"', '""', "/p", "200", "rep:40:z", '"a,b"');

const readMap = (map: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.oneof(name, pseudo).map((one) => `get ${map} ${one}`),
    fc.constant(`pairs ${map}`),
    fc.constant(`size ${map}`),
  );

const writeMap = (map: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(word("add", "replace"), name, value).map(([verb, key, text]) => `${verb} ${map} ${key} ${text}`),
    fc.oneof({ weight: 5, arbitrary: name }, { weight: 1, arbitrary: pseudo }).map((key) => `remove ${map} ${key}`),
    fc.constant(`remove ${map} content-length`),
  );

const property = word(
  "request path",
  "request method",
  "request size",
  "request protocol",
  "request headers x-a",
  "response code",
  "response code_details",
  "response flags",
  "response size",
  "xds route_name",
  "xds cluster_name",
  "plugin_name",
  "foo",
  "nope",
  "connection mtls",
).map((path) => `prop ${path}`);

const body = (buffer: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(`body ${buffer}`),
    fc.constant(`body ${buffer} 1 2`),
    fc.constant(`buf_status ${buffer}`),
    word("new", "rep:30:q", '""').map((text) => `replace_body ${buffer} ${text}`),
    word(">>", "end").map((text) => `append ${buffer} ${text}`),
    word("<<", "pre").map((text) => `prepend ${buffer} ${text}`),
    fc.constant(`set_body ${buffer} 1 1 x`),
  );

const shared = fc.oneof(
  fc.constant("metric 0 c; inc 4 2; getm 4"),
  fc.tuple(word("k", "l"), word("v", "w")).map(([key, text]) => `sset ${key} ${text} 0`),
  word("k", "l").map((key) => `sget ${key}`),
  word("one", "two").map((text) => `set_prop ${text} foo`),
  fc.constant("log 2 note"),
  fc.constant("get_status"),
);

const reply = fc
  .tuple(
    word("200", "403", "500", "204", "400"),
    word("d", '"de t"'),
    word("no", '""', "rep:80:r"),
    word("-1", "7"),
    word("", " x-r 1", " content-type text/html"),
  )
  .map(([status, details, text, grpc, more]) => `local ${status} ${details} ${text} ${grpc}${more}`);

/** Actions of one callback. */
function actions(...kinds: fc.Arbitrary<string>[]): fc.Arbitrary<string[]> {
  return fc.array(fc.oneof(...kinds, property, shared), { minLength: 0, maxLength: 4 });
}

/** How a headers callback ends: it lets pass, answers, traps, or pauses with a call that resumes it. */
const end = fc.oneof(
  { weight: 10, arbitrary: fc.constant([] as string[]) },
  { weight: 2, arbitrary: reply.map((one) => [one]) },
  { weight: 1, arbitrary: fc.constant(["trap"]) },
  { weight: 1, arbitrary: fc.constant(["return 1"]) },
  { weight: 1, arbitrary: fc.constant(["close 0", "return 1"]) },
);
const pauseForCall = [`http_call call 300 "" :method GET :path /c :authority a`, "return 1"];
const requestEnd = fc.oneof({ weight: 6, arbitrary: end }, { weight: 2, arbitrary: fc.constant(pauseForCall) });
const bodyEnd = fc.oneof(
  { weight: 6, arbitrary: fc.constant([] as string[]) },
  { weight: 2, arbitrary: word("return 1", "return 2", "return 3").map((one) => [one]) },
  { weight: 1, arbitrary: reply.map((one) => [one]) },
  { weight: 1, arbitrary: fc.constant(["trap"]) },
);

interface Rule {
  readonly callback: string;
  readonly actions: readonly string[];
}

const rule = (callback: fc.Arbitrary<string>, ...parts: fc.Arbitrary<readonly string[]>[]): fc.Arbitrary<Rule> =>
  fc
    .tuple(callback, ...parts)
    .map(([where, ...lists]) => ({ callback: where as string, actions: (lists as string[][]).flat() }));

const rules = fc.array(
  fc.oneof(
    rule(fc.constant("on_request_headers"), actions(readMap(0), writeMap(0), readMap(2)), requestEnd),
    rule(
      word("on_request_body", "on_request_body#1", "on_request_body!eos", "on_request_body!more"),
      actions(body(0), readMap(0), writeMap(1)),
      bodyEnd,
    ),
    rule(fc.constant("on_request_trailers"), actions(readMap(1), writeMap(1), body(0)), end),
    rule(fc.constant("on_response_headers"), actions(readMap(2), writeMap(2), readMap(0)), end),
    rule(
      word("on_response_body", "on_response_body#1", "on_response_body!eos", "on_response_body!more"),
      actions(body(1), readMap(2), writeMap(3)),
      bodyEnd,
    ),
    rule(fc.constant("on_response_trailers"), actions(readMap(3), writeMap(3), body(1)), end),
    rule(fc.constant("on_log"), actions(readMap(0), readMap(2), readMap(3))),
    rule(fc.constant("on_done"), actions(readMap(0))),
  ),
  { minLength: 1, maxLength: 4 },
);

function plugin(): fc.Arbitrary<PluginSpec> {
  return fc
    .record({
      rules,
      vm: word("", "own", "own", "own"),
      policy: fc.option(word("FAIL_CLOSED", "FAIL_OPEN", "open"), { nil: undefined, freq: 3 }),
      allowStop: fc.option(fc.constant(true), { nil: undefined, freq: 5 }),
      resume: fc.array(fc.oneof(readMap(6), readMap(0), writeMap(0), body(4), property), { maxLength: 2 }),
    })
    .map(({ rules: list, vm, policy, allowStop, resume }) => ({
      root_id: "r",
      vm_id: vm,
      script: [
        ...list
          .map(({ callback, actions: all }) => `${callback}: ${all.join("; ")}`)
          .filter((line) => !line.endsWith(": ")),
        ...(list.some(({ actions: all }) => all.includes(pauseForCall[0]!))
          ? [`on_http_call_response: eff $caller; ${[...resume, "continue 0"].join("; ")}`]
          : []),
      ],
      ...(policy === "open" ? { fail_open: true } : policy !== undefined && { failure_policy: policy as "FAIL_OPEN" }),
      ...(allowStop && { allow_stop: true }),
    }));
}

const chunk = word("a", "bbb", "rep:50:c", "rep:700:d");
const chunks = fc.array(chunk, { minLength: 0, maxLength: 3 });
const headerList = fc.array(
  fc.tuple(word("x-a", "x-b", "accept", "cookie", "x-c", "content-type"), word("1", "two", "a b", "application/grpc")),
  { maxLength: 3 },
);
const trailerList = fc.array(fc.tuple(word("t", "t2"), word("1", "2")), { minLength: 1, maxLength: 2 });

function client(): fc.Arbitrary<ClientSpec> {
  return fc
    .record({
      proto: word("http1", "http2"),
      headers: headerList,
      body: chunks,
      framing: word("length", "chunked"),
      trailers: fc.option(trailerList, { nil: undefined, freq: 4 }),
      head: fc.option(fc.constant(true), { nil: undefined, freq: 8 }),
    })
    .map(({ proto, headers, body: pieces, framing, trailers, head }) => ({
      proto: proto as "http1",
      headers,
      // beyond the second after which Envoy closes a connection
      timeout_ms: 1625,
      ...(head && pieces.length === 0 && trailers === undefined && { method: "HEAD" }),
      ...(pieces.length > 0 && { body: pieces, chunk_delay_ms: 50, end_delay_ms: 50 }),
      ...(pieces.length > 0 && proto === "http1" && { framing: framing as "length" }),
      ...(pieces.length > 0 && trailers && { trailers, ...(proto === "http1" && { framing: "chunked" as const }) }),
    }));
}

function origin(): fc.Arbitrary<OriginSpec> {
  return fc
    .record({
      status: fc.constantFrom(200, 200, 201, 204, 304, 404, 503),
      headers: headerList,
      body: chunks,
      framing: word("length", "chunked"),
      trailers: fc.option(trailerList, { nil: undefined, freq: 4 }),
    })
    .map(({ status, headers, body: pieces, framing, trailers }) => {
      const bodiless = status === 204 || status === 304;
      return {
        status,
        headers,
        body: bodiless || pieces.length === 0 ? null : pieces,
        ...(pieces.length > 1 && { chunk_delay_ms: 50, end_delay_ms: 50 }),
        ...(!bodiless && pieces.length > 0 && { framing: framing as "length" }),
        ...(!bodiless && pieces.length > 0 && trailers && { trailers, framing: "chunked" as const }),
      };
    });
}
