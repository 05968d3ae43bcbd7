// Messages as Envoy 1.40.0 wrote them, in the layout that `logFormat` asks for.
import { describe, expect, test } from "vitest";
import { parseLog } from "../../src/verify/envoy/log-parser.js";
import { sortLog } from "../../src/verify/envoy/log-parts.js";
import { parseProbeLine } from "../../src/verify/envoy/probe-lines.js";

const message = (level: string, thread: number, logger: string, text: string) =>
  Buffer.from(`\u001e${level}|${thread}|${logger}|${text}\u001f\n`);
const trap = `Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable
Proxy-Wasm plugin in-VM backtrace:
  0:  0x763d - run_action
  1:  0x131f - callback`;

const captured = Buffer.concat([
  message("warning", 10, "misc", "Deprecated field: type envoy.extensions.wasm.v3.PluginConfig"),
  message(
    "warning",
    10,
    "main",
    "There is no configured limit to the number of allowed active downstream connections. Configure a limit",
  ),
  message("info", 10, "wasm", "wasm log r: CB on_configure ctx=1 size=0"),
  message("info", 11, "wasm", "wasm log r: CB on_configure ctx=1 size=0"),
  message("info", 11, "wasm", "wasm log p r v: two\nlines: a|b\n"),
  message("trace", 11, "wasm", "wasm log: no root id, no vm id"),
  message("error", 11, "wasm", trap),
  Buffer.from("plain text beside the log\n"),
  Buffer.concat([Buffer.from("\u001einfo|11|wasm|wasm log r: a"), Buffer.from([0, 1, 0xff]), Buffer.from("z\u001f\n")]),
  message("warning", 10, "main", "caught ENVOY_SIGTERM"),
  message("info", 11, "wasm", "wasm log r: CB on_done ctx=1"),
]);

describe("parseLog()", () => {
  const { lines, beside } = parseLog(captured);

  test("guest lines have their prefix and every byte of their message", () => {
    const guests = lines.flatMap(({ line }) => ("prefix" in line ? [line] : []));
    expect(guests).toEqual([
      { level: "info", prefix: "r", message: "CB on_configure ctx=1 size=0" },
      { level: "info", prefix: "r", message: "CB on_configure ctx=1 size=0" },
      { level: "info", prefix: "p r v", message: "two\nlines: a|b\n" },
      { level: "trace", prefix: "", message: "no root id, no vm id" },
      { level: "info", prefix: "r", message: "a\0\u0001\\xffz" },
      { level: "info", prefix: "r", message: "CB on_done ctx=1" },
    ]);
  });

  test("Envoy's own have their logger, and a backtrace stays in one message", () => {
    expect(lines[6]).toEqual({ thread: 11, line: { level: "error", logger: "wasm", message: trap } });
  });

  test("text outside of messages is kept apart", () => {
    expect(beside).toEqual(["plain text beside the log"]);
  });

  test("a message cut by a crash is kept", () => {
    const cut = parseLog(Buffer.from("\u001einfo|11|wasm|wasm log r: CB on_l"));
    expect(cut.lines).toEqual([{ thread: 11, line: { level: "info", prefix: "r", message: "CB on_l" } }]);
  });
});

describe("sortLog()", () => {
  const parsed = parseLog(captured);
  const sort = (context: Partial<Parameters<typeof sortLog>[1]>) =>
    sortLog(parsed, { main: 10, started: true, exit: 0, also: [], ...context });

  test("worker lines until SIGTERM; of the main thread warnings, without the one every start prints", () => {
    const { log, main, shutdown, stderr } = sort({});
    expect(log).toHaveLength(5);
    expect(main?.map((line) => line.message)).toEqual(["Deprecated field: type envoy.extensions.wasm.v3.PluginConfig"]);
    expect(shutdown).toBeUndefined();
    expect(stderr).toBeUndefined();
  });

  test("on request also the main thread's info lines and those of the shutdown", () => {
    const { main, shutdown } = sort({ also: ["main", "shutdown"] });
    expect(main).toHaveLength(2);
    expect(shutdown).toEqual([{ level: "info", prefix: "r", message: "CB on_done ctx=1" }]);
  });

  test("an Envoy that did not start: everything on the main thread, and standard error", () => {
    const { main, stderr } = sort({ started: false, exit: 1 });
    expect(main).toHaveLength(2);
    expect(stderr).toEqual(["plain text beside the log"]);
  });

  test("a crash keeps a hundred lines", () => {
    const many = parseLog(
      Buffer.concat(Array.from({ length: 300 }, () => message("info", 11, "wasm", "wasm log r: x"))),
    );
    const { log, logCut } = sortLog(many, { main: 10, started: true, exit: "SIGSEGV", also: [] });
    expect([log.length, logCut]).toEqual([100, true]);
  });
});

describe("parseProbeLine()", () => {
  test.each([
    {
      message: "CB on_request_headers ctx=2 n=6 eos=1",
      line: { kind: "callback", name: "on_request_headers", args: { ctx: 2, n: 6, eos: 1 } },
    },
    { message: "RET on_request_headers -1", line: { kind: "return", name: "on_request_headers", value: -1 } },
    {
      message: 'HC get 0 :path -> 0 "/a -> 7"',
      line: { kind: "hostcall", verb: "get", action: "get 0 :path", status: 0, result: '"/a -> 7"' },
    },
    {
      message: "HC remove 0 x -> 2",
      line: { kind: "hostcall", verb: "remove", action: "remove 0 x", status: 2 },
    },
    { message: "HC trap", line: { kind: "hostcall", verb: "trap", action: "trap" } },
    { message: "anything else", line: undefined },
  ])("$message", ({ message: text, line }) => {
    expect(parseProbeLine(text)).toEqual(line);
  });
});
