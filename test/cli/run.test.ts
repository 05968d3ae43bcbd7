import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { run } from "../../src/index.js";
import { runJson } from "../../src/report/run-json.js";
import { runText } from "../../src/report/run-text.js";
import { pwh, pwhInterrupted, root } from "../support/pwh.js";

const tinygo = "fixtures/http-headers/http-headers.wasm";
const probe = "fixtures/probe/probe.wasm";

interface Report {
  readonly outcome: string;
  readonly upstream: {
    headers: [string, string][];
    body: { text?: string; base64?: string };
    trailers: unknown;
  } | null;
  readonly client: { headers: [string, string][]; body: { text?: string } } | null;
  readonly logs: { level: string; line: string; message: string }[];
  readonly actions: { callback: string; action: string }[];
  readonly trace: { text: string }[];
  readonly failure: { code: string } | null;
  readonly timing: { exchangesUs: number[] };
}

interface Side {
  readonly headers: [string, string][];
  readonly fromPlugin: [string, string][];
}

interface Sides {
  readonly request: Side;
  readonly upstream: Side;
  readonly response: Side;
  readonly client: Side;
}

function json(...args: string[]): Report {
  const { out, err } = pwh(["run", ...args, "--json"]);
  if (out === "") throw new Error(err);
  return JSON.parse(out) as Report;
}

describe("pwh run", () => {
  test("--envoy and --istio: the release, and whether a real one was compared", () => {
    const old = pwh(["run", tinygo, "--istio", "1.11", "--json"]);
    expect((JSON.parse(old.out) as { envoy: unknown }).envoy).toEqual({ release: "1.19", recorded: false });
    expect(old.err).toMatch(/^pwh: Envoy 1\.19 is not recorded: .*\n$/);
    const recorded = pwh(["run", tinygo, "--envoy", "1.36.4", "--json"]);
    expect((JSON.parse(recorded.out) as { envoy: unknown }).envoy).toMatchObject({ recorded: true });
    expect(recorded.err).toBe("");
    expect(pwh(["run", tinygo, "--envoy", "1.38", "--istio", "1.11"])).toMatchObject({
      code: 2,
      err: "pwh: Cannot use --envoy and --istio: choose one\n",
    });
  });

  test("prints what the filter added, replaced, logged, and what both sides get", () => {
    const { code, out } = pwh([
      "run",
      tinygo,
      "-c",
      '{"header":"x-a","value":"b"}',
      "--response-header",
      "x-powered-by: me",
    ]);
    expect(code).toBe(0);
    expect(out).toContain("> GET http://example.com/");
    expect(out).toContain("  + x-a: b\n");
    expect(out).toContain("  ~ x-powered-by: me -> proxy-wasm\n");
    expect(out).toContain('  [info]     wasm log: configuration: {"header":"x-a","value":"b"}\n');
    expect(out).toContain("  [info]     wasm log http-headers: request header: :path: /\n");
    expect(out).toMatch(/proxy_on_request_headers +continue/);
    expect(out).toMatch(/upstream gets +GET http:\/\/example\.com\/\nclient gets +200/);
    expect(out).toMatch(/took +[\d.]+ (ms|µs|s) to load and start/);
  });

  test("is plain when piped or with NO_COLOR, and coloured on request", () => {
    const plain = pwh(["run", tinygo]);
    const coloured = pwh(["run", tinygo], { env: { FORCE_COLOR: "1" } });
    expect(plain.out).not.toContain("\u001b[");
    expect(coloured.out).toContain("\u001b[");
  });

  test("keeps order and repeats of headers; name: takes a default away, name; is empty", () => {
    const { upstream } = json(probe, "-H", "x-b: 1", "-H", "X-A: 2", "-H", "x-b: 3", "-H", "accept:", "-H", "x-empty;");
    expect(upstream!.headers).toEqual([
      [":authority", "example.com"],
      [":path", "/"],
      [":method", "GET"],
      [":scheme", "http"],
      ["user-agent", "pwh"],
      ["x-b", "1"],
      ["x-a", "2"],
      ["x-b", "3"],
      ["x-empty", ""],
      ["x-forwarded-proto", "http"],
      ["x-request-id", "00000000-0000-4000-8000-000000000001"],
      ["x-envoy-expected-rq-timeout-ms", "15000"], // Envoy's router, behaviour reference 2.1
    ]);
  });

  test("sends method, path, authority, scheme, body and trailers", () => {
    const report = json(
      ...`${probe} --method PUT --path /a?b=c --authority api.test:8080 --scheme https`.split(" "),
      ...`--body hello --response-status 418 --response-body teapot --trailer x-sum:1`.split(" "),
    );
    expect(report.upstream!.headers.slice(0, 4).map(([, value]) => value)).toEqual([
      "api.test:8080",
      "/a?b=c",
      "PUT",
      "https",
    ]);
    expect(report.upstream!.body).toEqual({ text: "hello" });
    expect(report.upstream!.trailers).toEqual([["x-sum", "1"]]);
    expect(report.client!.headers[0]).toEqual([":status", "418"]);
    expect(report.client!.body.text).toBe("teapot");
  });

  test("reads a body from standard input and a configuration from a file", () => {
    const { out } = pwh(["run", tinygo, "--body", "@-", "-c", "@test/support/config.json", "--json"], {
      input: "from stdin",
    });
    const report = JSON.parse(out) as Report;
    expect(report.upstream!.body).toEqual({ text: "from stdin" });
    expect(report.upstream!.headers).toContainEqual(["x-from", "file"]);
  });

  test("writes a body that is not UTF-8 as base64", () => {
    const { upstream } = json(probe, "-c", 'on_request_body!more: replace_body 0 "\\xff\\x00"', "--body", "x");
    expect(upstream!.body).toEqual({ base64: "/wA=" });
  });

  test("shows every callback and hostcall with --trace", () => {
    const { trace } = json(tinygo, "--trace");
    expect(trace.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        "proxy_on_request_headers(2, 8, 1)",
        'proxy_add_header_map_value(map: request headers, name: "x-filter", value: "on") -> Ok',
        "proxy_on_request_headers returned 0",
        "proxy_on_delete returned void",
      ]),
    );
  });

  test.each([
    ["-X", "HEAD"],
    ["--response-status", "204"],
    ["--response-status", "304"],
  ])("a response without a body ends with its headers: %s %s", (...args) => {
    const { trace } = json(probe, "--trace", ...args);
    expect(trace.filter(({ text }) => /^proxy_on_response_\w+\(/.test(text)).map(({ text }) => text)).toEqual([
      "proxy_on_response_headers(2, 2, 1)",
    ]);
  });

  test("tells what each callback answered, also of the plugin's own reply and of a trap", () => {
    const actions = (script: string): string[] =>
      json(probe, "-c", script).actions.map(({ callback, action }) => `${callback} ${action}`);
    expect(actions("on_request_headers: local 403 why no -1; return 1")).toEqual([
      "proxy_on_request_headers pause",
      "proxy_on_response_headers continue",
      "proxy_on_response_body continue",
    ]);
    expect(actions("on_request_headers: trap")).toEqual(["proxy_on_request_headers failed"]);
  });

  test("prints an object with --json also when the plugin does not start", () => {
    const { code, out } = pwh(["run", tinygo, "-c", "nonsense", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ schema: 1, outcome: "failed", failure: { code: "CONFIGURE_REFUSED" } });
  });

  test("sets properties, names and ids", () => {
    const script = "on_request_headers: prop my value; prop plugin_name; prop plugin_root_id; prop plugin_vm_id";
    const { logs } = json(
      probe,
      "-c",
      script,
      "--property",
      "my.value=42",
      "--name",
      "n",
      "--root-id",
      "r",
      "--vm-id",
      "v",
    );
    const said = logs.filter(({ message }) => message.startsWith("HC prop"));
    expect(said.map(({ line }) => line)).toEqual([
      'wasm log n r v: HC prop my value -> 0 len=2 "42"',
      'wasm log n r v: HC prop plugin_name -> 0 len=1 "n"',
      'wasm log n r v: HC prop plugin_root_id -> 0 len=1 "r"',
      'wasm log n r v: HC prop plugin_vm_id -> 0 len=1 "v"',
    ]);
  });

  test("keeps lines from --log-level on", () => {
    const levels = (level: string): string[] =>
      json(probe, "-c", "on_request_headers: quiet; log 0 L0; log 3 L3; log 5 L5", "--log-level", level)
        .logs.map(({ message }) => message)
        .filter((message) => /^L\d$/.test(message));
    expect(levels("trace")).toEqual(["L0", "L3", "L5"]);
    expect(levels("warn")).toEqual(["L3", "L5"]);
  });

  test("makes --repeat exchanges on the same plugin", () => {
    const traced = (...args: string[]): string[] =>
      json(tinygo, "--trace", ...args).trace.map(({ text }) => text.split("(")[0]!);
    expect(json(tinygo, "--repeat", "20").timing.exchangesUs).toHaveLength(20);
    // the start and the last exchange: as much as of one
    const names = traced("--repeat", "20");
    expect(names.filter((name) => name === "proxy_on_request_headers")).toHaveLength(1);
    expect(names).toContain("proxy_on_configure");
  });

  test("shows the plugin's own reply, and that nothing went upstream", () => {
    const report = json(probe, "-c", "on_request_headers: local 403 why no -1");
    expect(report).toMatchObject({ outcome: "local response", upstream: null, client: { body: { text: "no" } } });
  });

  test("reports gRPC calls as waiting, and a pause for good with its rule", () => {
    const script =
      "on_request_headers: grpc_call grpc my.Svc Do 1000 ask k v; t:= grpc_stream grpc my.Svc St k v; grpc_send $t abc 0; return 1";
    const { code, out } = pwh(["run", probe, "-c", script, "--json"]);
    expect(code).toBe(0);
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report["calls"]).toMatchObject([
      { kind: "grpc", upstream: "grpc", state: "pending", service: "my.Svc", method: "Do", body: { text: "ask" } },
      { kind: "grpc-stream", upstream: "grpc", state: "pending", headers: [["k", "v"]], sent: [{ text: "abc" }] },
    ]);
    expect(report["diagnostics"]).toMatchObject([
      {
        code: "PAUSED_FOR_GOOD",
        message:
          'The request is held: proxy_on_request_headers paused it, and nothing resumed it; 2 calls wait for an answer that nobody gives: "grpc", "grpc"',
      },
    ]);
    const text = pwh(["run", probe, "-c", script]).out;
    expect(text).toContain('gRPC call to "grpc", my.Svc/Do: waited for an answer to the end\n    k: v\n  body: ask\n');
  });

  test("a call that waited is not told as cancelled by the plugin", () => {
    const script = "on_request_headers: http_call auth 0 b :method GET :path / :authority a";
    const { calls } = json(probe, "-c", script) as unknown as { calls: { state: string }[] };
    expect(calls.map(({ state }) => state)).toEqual(["pending"]);
  });

  test("tells how many lines of the log were dropped, and why", async () => {
    const lines = 70; // of a megabyte: more than the limit logBytes, 64 MiB
    const script = `on_request_headers: quiet${"; log 2 rep:1000000:x".repeat(lines)}`;
    const report = await run(probe, { configuration: script, budgetMs: 0 });
    expect(report.logsDropped).toBeGreaterThan(0);
    const kept = await run(probe, { configuration: "on_request_headers: quiet" });
    expect(report.logsDropped + report.logs.length).toBe(kept.logs.length + lines);
    expect(runJson(probe, report, { trace: false }).logsDropped).toBe(report.logsDropped);
    expect(runText(probe, report, (_, text) => text, { trace: false })).toContain(
      `  ${report.logsDropped} older lines dropped: there were too many (limits logRecords and logBytes)\n`,
    );
  });

  test("shows as many frames of a trap without a budget as with one", () => {
    const frames = (...args: string[]): number =>
      pwh(["run", probe, "-c", "on_request_headers: stack", ...args]).out.match(/^ +\d+: {2}0x/gm)!.length;
    expect(frames("--budget", "0")).toBe(frames());
    expect(frames()).toBeGreaterThanOrEqual(20);
  });

  // behaviour reference 2.1: hop-by-hop headers and those that only internal callers may send are gone before any filter
  test("the plugin sees what the connection manager leaves, and what Envoy adds is told apart", () => {
    const headers = ["connection: x-hop", "x-hop: 1", "x-envoy-retry-on: 5xx", "x-kept: 1"].flatMap((one) => [
      "-H",
      one,
    ]);
    const report = json(probe, "--scheme", "https", ...headers) as unknown as Sides;
    const names = report.request.headers.map(([name]) => name);
    expect(names).toContain("x-kept");
    for (const gone of ["connection", "x-hop", "x-envoy-retry-on"]) expect(names).not.toContain(gone);
    expect(report.request.headers).toContainEqual([":scheme", "https"]);
    expect(report.request.headers).toContainEqual(["x-forwarded-proto", "https"]);
    const added = ({ headers: all, fromPlugin }: Side): string[] =>
      all.filter(([name]) => !fromPlugin.some(([one]) => one === name)).map(([name]) => name);
    expect(added(report.upstream)).toEqual(["x-envoy-expected-rq-timeout-ms"]);
    expect(added(report.client).toSorted()).toEqual(["date", "server"]);
    expect(report.response.headers.map(([name]) => name)).toContain("x-envoy-upstream-service-time");
  });

  // behaviour reference 2.5: without :path no route is found, without :status the answer is replaced
  test.each([
    ["on_request_headers: remove 0 :path", "404", "Envoy"],
    ["on_response_headers: remove 2 :status", "502", "Envoy"],
    ["on_request_headers: local 403 why no -1; return 1", "403", "plugin"],
    ["on_request_headers: local 403 why no -1; return 1\non_response_headers: remove 2 :status", "502", "Envoy"],
    ["on_request_headers: return 0", "200", "upstream"],
  ])("says who answered: %s", (script, status, by) => {
    expect(json(probe, "-c", script)).toMatchObject({
      answeredBy: by,
      client: { headers: expect.arrayContaining([[":status", status]]) as unknown },
    });
    const made = pwh(["run", probe, "-c", script]).out.match(/^< .*\(made by (?:the )?(\w+)\)$/m)?.[1];
    expect(made).toBe(by === "upstream" ? undefined : by);
  });

  test("an answer to HEAD declares a length without a body: nothing to tell of", () => {
    const report = json(probe, "-X", "HEAD", "-c", "on_request_headers: local 403 why no -1; return 1");
    expect(report).toMatchObject({ client: { body: { text: "" } }, diagnostics: [] });
  });

  test("says that a plugin paused for good, and that it cut the stream off", () => {
    expect(json(probe, "-c", "on_request_headers: return 1").outcome).toBe("paused");
    expect(json(probe, "-c", "on_request_headers: close 0; return 1").outcome).toBe("reset");
  });

  test("ends with 1 when the guest traps: message, callback, function names, last hostcalls", () => {
    const { code, out } = pwh(["run", probe, "-c", "on_request_headers: get 0 :path; trap"]);
    expect(code).toBe(1);
    expect(out).toContain("error: Guest trapped in proxy_on_request_headers (context 2): RuntimeError: unreachable");
    expect(out).toMatch(/0: {2}0x[0-9a-f]+ - \w+/);
    expect(out).toContain('proxy_get_header_map_value(map: request headers, name: ":path") -> Ok, value: "/"');
    expect(out).toContain("client gets    503");
    expect(out).toContain("Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable");
  });

  test("stops a guest that loops, within its budget", () => {
    const { code, out } = pwh(["run", probe, "-c", "on_request_headers: forever", "--budget", "100"]);
    expect(code).toBe(1);
    expect(out).toContain(
      "Guest stopped in proxy_on_request_headers (context 2): still running after 100 ms; raise the budget with --budget, or 0 for none",
    );
  });

  test("stops a guest that loops in one of many exchanges", () => {
    const { code, err } = pwh([
      "run",
      probe,
      "-c",
      "on_request_headers@7: forever",
      "--budget",
      "200",
      "--repeat",
      "20",
    ]);
    expect(code).toBe(1);
    expect(err).toContain("Guest stopped in proxy_on_request_headers (context 8): still running after 200 ms");
  });

  test("ends at once on Ctrl-C, also while the guest loops", async () => {
    const { signal, ms } = await pwhInterrupted(
      ["run", probe, "-c", "on_request_headers: forever", "--budget", "0"],
      1000,
    );
    expect(signal).toBe("SIGINT");
    expect(ms).toBeLessThan(2000);
  });

  test.each([
    { what: "a plain exchange", args: [tinygo, "--trace"] },
    {
      what: "calls, metrics and diagnostics",
      args: [
        probe,
        "-c",
        "on_request_headers: metric 0 c; inc 4 2; metric 2 h; rec 10 5; http_call up 0 body :method GET :path / :authority a; set_pairs_raw 1 x",
      ],
    },
    {
      what: "gRPC calls, and a pause for good",
      args: [
        probe,
        "-c",
        "on_request_headers: grpc_call grpc s m 0 ask k v; t:= grpc_stream grpc s m; grpc_send $t abc 0; return 1",
      ],
    },
    { what: "a trap", args: [probe, "-c", "on_request_headers: trap"] },
    { what: "a trap at the end", args: ["fixtures/http-headers-assemblyscript/http-headers.wasm"] },
  ])("--json fits its schema: $what", ({ args }) => {
    const schema = JSON.parse(readFileSync(`${root}src/schemas/run.json`, "utf8")) as object;
    const validate = new Ajv2020({ strictTuples: false }).compile(schema);
    const report = json(...args);
    validate(report);
    expect(validate.errors ?? []).toEqual([]);
  });
});
