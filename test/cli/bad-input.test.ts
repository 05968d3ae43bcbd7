// Each kind of bad input has one clear message on standard error, an exit code of its kind, and no stack trace of ours.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco";
import { afterAll, describe, expect, test } from "vitest";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-bad-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}
const wat = async (name: string, text: string): Promise<string> => file(name, await parse(text));

const good = "fixtures/http-headers/http-headers.wasm";
const bytes = readFileSync(good);
const shell = (body: string): string => `(module
  ${body}
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024))`;

const modules = {
  empty: file("empty.wasm", ""),
  text: file("text.wasm", "hello\n"),
  watText: file("text.wat", "(module)"),
  truncated: file("truncated.wasm", bytes.subarray(0, 5000)),
  component: await wat("component.wasm", "(component)"),
  plain: await wat("plain.wasm", '(module (func (export "add") (param i32 i32) (result i32) local.get 0))'),
  noMarker: await wat(
    "no-marker.wasm",
    '(module (memory (export "memory") 1) (func (export "proxy_on_log") (param i32)))',
  ),
  future: await wat("future.wasm", '(module (func (export "proxy_abi_version_0_3_0")))'),
  missing: await wat("missing.wasm", shell('(import "env" "proxy_get_header_map_vale" (func (param i32)))')),
  missingModule: await wat("module.wasm", shell('(import "wasi_snapshot_preview2" "fd_write" (func (param i32)))')),
  otherVersion: await wat("version.wasm", shell('(import "env" "proxy_clear_route_cache" (func (result i32)))')),
  importType: await wat("import.wasm", shell('(import "env" "proxy_done" (func (param i32) (result i32)))')),
  exportType: await wat(
    "export.wasm",
    shell('(func (export "proxy_on_request_headers") (param i32 i32) (result i32) i32.const 0)'),
  ),
  noAllocator: await wat(
    "alloc.wasm",
    '(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))',
  ),
  noMemory: await wat(
    "memory.wasm",
    '(module (func (export "proxy_abi_version_0_2_1")) (func (export "malloc") (param i32) (result i32) i32.const 0))',
  ),
};

describe("pwh run, with a bad module", () => {
  test.each([
    {
      what: "a file that is not there",
      args: ["nowhere.wasm"],
      code: 2,
      message: "Cannot read nowhere.wasm: there is no such file",
    },
    { what: "a directory", args: ["src"], code: 2, message: "Cannot read src: it is a directory" },
    {
      what: "a file without an end",
      args: ["/dev/zero"],
      code: 2,
      message: "Cannot read /dev/zero: it has more than 268435456 bytes",
    },
    { what: "an empty file", args: [modules.empty], code: 2, message: /empty/ },
    { what: "a text", args: [modules.text], code: 2, message: /text/ },
    { what: "WebAssembly text", args: [modules.watText], code: 2, message: /WebAssembly text/i },
    { what: "a truncated module", args: [modules.truncated], code: 1, message: /truncated|ends/ },
    { what: "a component", args: [modules.component], code: 1, message: /component/ },
    {
      what: "a module of another kind",
      args: [modules.plain],
      code: 1,
      message: /no proxy-wasm plugin, for it exports add/,
    },
    { what: "no ABI marker", args: [modules.noMarker], code: 1, message: /exports no proxy_abi_version_0_1_0/ },
    { what: "an ABI to come", args: [modules.future], code: 1, message: /proxy_abi_version_0_3_0: known are/ },
    {
      what: "an import nobody provides",
      args: [modules.missing],
      code: 1,
      message: 'env.proxy_get_header_map_vale: no host provides it (did you mean "proxy_get_header_map_value"?)',
    },
    {
      what: "a module nobody provides",
      args: [modules.missingModule],
      code: 1,
      message: 'no host provides module "wasi_snapshot_preview2" (did you mean "wasi_snapshot_preview1"?)',
    },
    {
      what: "a hostcall of another version",
      args: [modules.otherVersion],
      code: 1,
      message: "the hostcall is not part of ABI 0.2.1",
    },
    {
      what: "an import of the wrong type",
      args: [modules.importType],
      code: 1,
      message: "env.proxy_done: the module wants i32 -> i32, the host provides void -> i32",
    },
    {
      what: "a callback of the wrong type",
      args: [modules.exportType],
      code: 1,
      message: "proxy_on_request_headers: its type is i32 i32 -> i32, ABI 0.2.1 wants i32 i32 i32 -> i32",
    },
    {
      what: "no allocator",
      args: [modules.noAllocator],
      code: 1,
      message: "neither malloc nor proxy_on_memory_allocate",
    },
    { what: "no memory", args: [modules.noMemory], code: 1, message: "it exports no memory" },
    {
      what: "a refused configuration",
      args: [good, "-c", "nonsense"],
      code: 1,
      message: "Plugin refused its configuration: proxy_on_configure returned false",
    },
    {
      what: "a trap while it starts",
      args: ["fixtures/probe/probe-start-trap.wasm"],
      code: 1,
      message: "Guest trapped in",
    },
  ])("$what", ({ args, code, message }) => {
    const ran = pwh(["run", ...args]);
    expect(ran.err).toMatch(message instanceof RegExp ? message : new RegExp(escape(message)));
    expect(ran.err).toMatch(/^pwh: /);
    expect(ran.err).not.toMatch(/^ {4}at /m);
    expect(ran.code).toBe(code);
    expect(ran.out).toBe("");
  });
});

describe("pwh, with a bad command line", () => {
  test.each([
    { args: [], message: "Name a command: run, " },
    { args: ["rnu"], message: 'Unknown command "rnu" (did you mean "run"?)' },
    { args: ["run"], message: "Cannot run: the file is missing; write pwh run <file>" },
    { args: ["inspect"], message: "Cannot inspect: the file is missing; write pwh inspect <file>" },
    { args: ["--jsn"], message: "Unknown option --jsn; see pwh --help" },
    { args: ["run", good, "--confg", "x"], message: 'Unknown option --confg (did you mean "--config"?)' },
    { args: ["run", good, "extra"], message: 'Unexpected argument "extra"' },
    {
      args: ["run", good, "-H", "no colon"],
      message: "Cannot use --header \"no colon\": it has no colon; write it as 'name: value'",
    },
    { args: ["run", good, "-H", "bad name: x"], message: '"bad name" is no header name' },
    { args: ["run", good, "--log-level", "wran"], message: 'Cannot use --log-level "wran" (did you mean "warn"?)' },
    { args: ["run", good, "--repeat", "0"], message: "Cannot use --repeat 0: a whole number from 1" },
    { args: ["run", good, "--repeat", "x"], message: "Cannot use --repeat x" },
    { args: ["run", good, "--response-status", "99"], message: "from 100 to 999" },
    { args: ["run", good, "--property", "novalue"], message: "write it as path=value" },
    {
      args: ["run", good, "-c", "@nowhere.json"],
      message: "Cannot read nowhere.json for --config: there is no such file",
    },
    { args: ["run", good, "--body", "@"], message: "a file name is missing" },
    { args: ["run", good, "--config"], message: "Cannot use --config: a value is missing" },
    { args: ["run", good, "-H", ": x"], message: 'Cannot use --header ": x": it has no name' },
    { args: ["run", good, "--repeat", "1e3"], message: "Cannot use --repeat 1e3: a whole number from 1" },
    { args: ["run", good, "--env", "A"], message: 'Cannot use --env "A": write it as NAME=value' },
    { args: ["run", good, "-Z"], message: "Unknown option -Z for pwh run" },
    { args: ["run", good, "--json=maybe"], message: "Cannot use --json=maybe: --json is on or off and takes no value" },
    { args: ["run", good, "--body", "@src"], message: "Cannot read src for --body: it is a directory" },
    {
      args: ["run", good, "-c", "@-", "--vm-config", "@-"],
      message: "Cannot read standard input for --vm-config: it was read for --config already",
    },
    {
      args: ["run", good, "-H", "x: a\u0001b"],
      message: 'Cannot use --header "x: a\\u0001b": it has a control character',
    },
    { args: ["run", good, "-H", "x: a\nb: c"], message: "it has a control character, which no client can send" },
    { args: ["run", good, "--trailer", "x: \u007f"], message: "it has a control character" },
    { args: ["run", good, "-H", "@nowhere"], message: "Cannot read nowhere for --header: there is no such file" },
    { args: ["run", good, "--budget", "-1"], message: "Cannot use --budget -1: a whole number from 0 to 3600000" },
    {
      args: ["run", "https://me:secret@example.com/a.wasm"],
      message: "Cannot read https://example.com/a.wasm: modules are read from files, not over https; download it first",
    },
  ])("pwh $args", ({ args, message }) => {
    const ran = pwh(args);
    expect(ran.err).toContain(message);
    expect(ran.err).not.toMatch(/^ {4}at /m);
    expect(ran.code).toBe(2);
    expect(ran.out).toBe("");
  });

  test("a stack trace is shown with --debug alone", () => {
    expect(pwh(["run", "nowhere.wasm", "--debug"]).err).toMatch(/^ {4}at /m);
  });

  test("--version and --help answer", () => {
    expect(pwh(["--version"]).out).toBe("0.1.0\n");
    expect(pwh(["--help"]).out).toContain("pwh run [file]");
    expect(pwh(["run", "--help"]).out).toContain("--response-header");
  });
});

describe("pwh inspect", () => {
  test("foretells for each bad module what loading it says", () => {
    for (const path of [
      modules.plain,
      modules.noMarker,
      modules.future,
      modules.missing,
      modules.missingModule,
      modules.otherVersion,
      modules.importType,
      modules.exportType,
      modules.noAllocator,
      modules.noMemory,
    ]) {
      const told = pwh(["inspect", path, "--json"]);
      const { problems } = JSON.parse(told.out) as { problems: { message: string }[] };
      const met = pwh(["run", path]);
      expect(met.err).toContain(`pwh: ${path}: ${problems[0]!.message}`);
      expect(told.code).toBe(1);
    }
  });

  test("gives Envoy's own words for what would not load", () => {
    const line = (path: string): string =>
      (JSON.parse(pwh(["inspect", path, "--json"]).out) as { problems: { line: string }[] }).problems[0]!.line;
    expect(line(modules.missing)).toBe(
      "Failed to load Wasm module due to a missing import: env.proxy_get_header_map_vale",
    );
    expect(line(modules.importType)).toBe(
      "Failed to load Wasm module due to an import type mismatch: env.proxy_done, want: i32 -> i32, but host exports: void -> i32",
    );
    expect(line(modules.exportType)).toBe(
      "Bad function signature for: proxy_on_request_headers, want: i32 i32 i32 -> i32, but the module exports: i32 i32 -> i32",
    );
  });

  test("shows a good module: language, ABI, start, callbacks, hostcalls, memory", () => {
    const { out, code } = pwh(["inspect", good]);
    expect(code).toBe(0);
    expect(out).toContain("219,859 bytes");
    expect(out).toContain("TinyGo");
    expect(out).toMatch(/ABI +0\.2\.0/);
    expect(out).toMatch(/start +_start/);
    expect(out).toContain("proxy_add_header_map_value");
    expect(out).toContain("links: every import is provided");
  });
});

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
