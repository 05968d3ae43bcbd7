// Which functions link in which version, and what is refused before anything of a module runs.
// proxy-wasm-abi.md §1.2, §3.1, §9.4
import { describe, expect, test } from "vitest";
import type { AbiVersion } from "../../src/abi/version.js";
import { Status } from "../../src/abi/enums.js";
import { loadPlugin } from "../../src/harness/plugin.js";
import { relay, relayedNames, relayModule } from "../../src/harness/relay.js";
import { linkProblems } from "../../src/host/linker.js";
import { envoy140 } from "../../src/proxy/envoy/behaviour.js";
import { readModule } from "../../src/vm/module-info.js";
import { ModuleWriter } from "../../src/vm/module-writer.js";
import { wasiFunctions } from "../../src/wasi/index.js";
import { request } from "./support.js";

const versions: readonly AbiVersion[] = ["0.1.0", "0.2.0", "0.2.1"];
const legacy = [
  "proxy_get_configuration",
  "proxy_continue_request",
  "proxy_continue_response",
  "proxy_clear_route_cache",
];
const streams = ["proxy_continue_stream", "proxy_close_stream"];
const logLevel = "proxy_get_log_level";
const missing: Readonly<Record<AbiVersion, readonly string[]>> = {
  "0.1.0": [...streams, logLevel],
  "0.2.0": [...legacy, logLevel],
  "0.2.1": legacy,
};

describe("hostcalls by version", () => {
  test.each([
    { abi: "0.1.0", count: 40 },
    { abi: "0.2.0", count: 38 },
    { abi: "0.2.1", count: 39 },
  ] as const)("$abi has $count, and a module that imports all of them loads", async ({ abi, count }) => {
    expect(relayedNames(abi).filter((name) => name.startsWith("proxy_"))).toHaveLength(count);
    await expect(relay({ abi })).resolves.toBeDefined();
  });

  test.each(versions.flatMap((abi) => missing[abi].map((name) => ({ abi, name }))))(
    "$name does not link in $abi",
    async ({ abi, name }) => {
      const loading = relay({ abi, imports: [name] });
      await expect(loading).rejects.toMatchObject({ code: "IMPORT_MISSING" });
      await expect(loading).rejects.toThrow(`env.${name}`);
      const problem = linkProblems(readModule(relayModule({ abi, imports: [name] })), envoy140, {
        relay: {},
      }).find(({ message }) => message.includes(name));
      expect(problem!.line).toBe(`Failed to load Wasm module due to a missing import: env.${name}`);
    },
  );

  test.each(["proc_raise", "fd_nonsense"])("WASI has no %s", async (name) => {
    expect(wasiFunctions.has(name)).toBe(false);
  });

  test("WASI has 45 functions, under both module names", () => {
    expect(wasiFunctions.size).toBe(45);
    expect(relayedNames("0.2.1").filter((name) => wasiFunctions.has(name.replace("wasi_unstable.", "")))).toHaveLength(
      90,
    );
  });
});

/** A module by hand: a marker, an allocator and a memory, with what `more` adds. */
function byHand(
  more: { imports?: (writer: ModuleWriter) => void; rest?: (writer: ModuleWriter) => void },
  marker: string | undefined = "proxy_abi_version_0_2_1",
): Uint8Array {
  const writer = new ModuleWriter();
  more.imports?.(writer);
  writer.setMemory(1, 1);
  writer.export("memory", "memory", 0);
  writer.export("malloc", "function", writer.addFunction(["i32"], ["i32"], [0x41, 0]));
  if (marker !== undefined) writer.export(marker, "function", writer.addFunction([], [], []));
  more.rest?.(writer);
  return writer.finish();
}
const problem = (bytes: Uint8Array) => linkProblems(readModule(bytes), envoy140)[0];

describe("import types", () => {
  test("a hostcall with other parameters is refused, in Envoy's words", async () => {
    const bytes = byHand({ imports: (writer) => writer.importFunction("env", "proxy_done", ["i32"], ["i32"]) });
    expect(problem(bytes)).toMatchObject({
      code: "IMPORT_TYPE",
      line: "Failed to load Wasm module due to an import type mismatch: env.proxy_done, want: i32 -> i32, but host exports: void -> i32",
    });
    await expect(loadPlugin(bytes)).rejects.toMatchObject({ code: "IMPORT_TYPE" });
  });

  test.each([
    { name: "path_link", params: 7 },
    { name: "path_symlink", params: 5 },
  ])("the standard's $name does not link: Envoy's has a parameter less", ({ name, params }) => {
    const types = Array.from({ length: params }, () => "i32" as const);
    const bytes = byHand({ imports: (w) => w.importFunction("wasi_snapshot_preview1", name, types, ["i32"]) });
    expect(problem(bytes)?.code).toBe("IMPORT_TYPE");
  });

  test.each([
    { module: "env", name: "abort" },
    { module: "env", name: "fd_write" },
    { module: "wasi_snapshot_preview1", name: "proxy_log" },
    { module: "wasi_snapshot_preview2", name: "fd_write" },
    { module: "", name: "" },
    { module: "env", name: "constructor" },
  ])("$module.$name is missing", ({ module, name }) => {
    const bytes = byHand({ imports: (writer) => writer.importFunction(module, name, [], []) });
    expect(problem(bytes)).toMatchObject({
      code: "IMPORT_MISSING",
      line: `Failed to load Wasm module due to a missing import: ${module}.${name}`,
    });
  });

  // Known gap, host/linker.ts: a module's name is looked up in a plain object, and reaches its prototype.
  test.each(["constructor", "__proto__", "toString"])("module %j is missing like any other", (module) => {
    const bytes = byHand({ imports: (writer) => writer.importFunction(module, "x", [], []) });
    expect(problem(bytes)?.code).toBe("IMPORT_MISSING");
  });
});

describe("markers", () => {
  test.each([
    { marker: "proxy_abi_version_0_3_0", code: "ABI_UNKNOWN" },
    { marker: "proxy_abi_version_0_2_2", code: "ABI_UNKNOWN" },
    { marker: undefined, code: "NOT_PROXY_WASM" },
  ])("$marker: $code", ({ marker, code }) => {
    const bytes = marker === undefined ? byHand({}, "x") : byHand({}, marker);
    expect(problem(bytes)).toMatchObject({ code, line: "Missing or unknown Proxy-Wasm ABI version" });
  });

  test("the first of two counts", async () => {
    const bytes = byHand({
      rest: (writer) => writer.export("proxy_abi_version_0_1_0", "function", writer.addFunction([], [], [])),
    });
    expect((await loadPlugin(bytes)).abiVersion).toBe("0.2.1");
  });

  test("one that is no function does not count", async () => {
    const bytes = byHand(
      { rest: (writer) => writer.export("proxy_abi_version_0_1_0", "function", writer.addFunction([], [], [])) },
      "x",
    );
    expect((await loadPlugin(bytes)).abiVersion).toBe("0.1.0");
    const writer = new ModuleWriter();
    writer.setMemory(1, 1);
    writer.export("proxy_abi_version_0_2_1", "memory", 0);
    writer.export("malloc", "function", writer.addFunction(["i32"], ["i32"], [0x41, 0]));
    expect(problem(writer.finish())?.code).toBe("ABI_UNKNOWN");
  });

  // Known gap, host/linker.ts abiOf: an export of this name is looked up in a plain object.
  test("an export that is called constructor is no marker", async () => {
    const bytes = byHand(
      {
        rest: (writer) => writer.export("proxy_abi_version_0_2_1", "function", writer.addFunction([], [], [])),
      },
      "constructor",
    );
    expect((await loadPlugin(bytes)).abiVersion).toBe("0.2.1");
  });
});

describe("export types", () => {
  test("a callback of another type is refused, in Envoy's words", () => {
    const bytes = byHand({
      rest: (writer) => writer.export("proxy_on_tick", "function", writer.addFunction(["i32", "i32"], [], [])),
    });
    expect(problem(bytes)).toMatchObject({
      code: "EXPORT_TYPE",
      line: "Bad function signature for: proxy_on_tick, want: i32 -> void, but the module exports: i32 i32 -> void",
    });
  });

  test.each([
    { marker: "proxy_abi_version_0_1_0", arity: 2, fine: true },
    { marker: "proxy_abi_version_0_1_0", arity: 3, fine: false },
    { marker: "proxy_abi_version_0_2_0", arity: 2, fine: false },
    { marker: "proxy_abi_version_0_2_1", arity: 3, fine: true },
  ])("$marker with a headers callback of $arity parameters: fine is $fine", ({ marker, arity, fine }) => {
    const params = Array.from({ length: arity }, () => "i32" as const);
    const bytes = byHand(
      {
        rest: (writer) =>
          writer.export("proxy_on_request_headers", "function", writer.addFunction(params, ["i32"], [0x41, 0])),
      },
      marker,
    );
    expect(problem(bytes)?.code).toBe(fine ? undefined : "EXPORT_TYPE");
  });

  test("proxy_on_foreign_function is not looked at in 0.1.0", () => {
    const bytes = byHand(
      { rest: (w) => w.export("proxy_on_foreign_function", "function", w.addFunction([], [], [])) },
      "proxy_abi_version_0_1_0",
    );
    expect(problem(bytes)).toBeUndefined();
  });

  test("no memory is refused", () => {
    const writer = new ModuleWriter();
    writer.export("malloc", "function", writer.addFunction(["i32"], ["i32"], [0x41, 0]));
    writer.export("proxy_abi_version_0_2_1", "function", writer.addFunction([], [], []));
    expect(problem(writer.finish())?.code).toBe("MEMORY_MISSING");
  });
});

describe("capabilities (proxy-wasm-abi.md §9.4)", () => {
  const callbacks = ["proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "proxy_on_request_headers"];

  test("a hostcall that is not listed answers 10, looks at nothing, and is logged", async () => {
    const guest = await relay({ capabilities: [...callbacks, "proxy_set_tick_period_milliseconds"] });
    expect(guest.call("proxy_log", 9, -1, -1)).toBe(Status.InternalFailure);
    expect(guest.call("proxy_set_tick_period_milliseconds", 0)).toBe(Status.Ok);
    expect(guest.plugin.logs.map(({ levelName, message }) => [levelName, message])).toEqual([
      ["error", "Attempted call to restricted proxy-wasm capability: proxy_log"],
    ]);
  });

  test.each(["fd_write", "wasi_unstable.fd_write"])("%s that is not listed answers 76", async (name) => {
    const guest = await relay({ capabilities: callbacks });
    expect(guest.call(name, 1, 0, 0, 100)).toBe(76);
    expect(guest.text(100, 4)).toBe("????");
    expect(guest.plugin.logs.map(({ message }) => message)).toEqual([
      "Attempted call to restricted WASI capability: fd_write",
    ]);
  });

  test("a name of WASI allows it in both modules", async () => {
    const guest = await relay({ capabilities: [...callbacks, "fd_write"] });
    expect([guest.call("fd_write", 1, 0, 0, 100), guest.call("wasi_unstable.fd_write", 1, 0, 0, 100)]).toEqual([0, 0]);
  });

  test("proc_exit that is not listed only logs", async () => {
    const guest = await relay({ capabilities: callbacks });
    guest.call("proc_exit", 1);
    expect(guest.plugin.logs.map(({ message }) => message)).toEqual([
      "Attempted call to restricted WASI capability: proc_exit",
    ]);
  });

  test("a callback that is not listed counts as not exported", async () => {
    const guest = await relay({ capabilities: ["proxy_on_context_create"], answers: { proxy_on_request_headers: 1 } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(stream.upstream.complete).toBe(true);
    expect(guest.callbacks).toEqual(["proxy_on_context_create(1, 0)", "proxy_on_context_create(2, 1)"]);
  });

  test("allocator, entry points and the functions of emscripten cannot be forbidden", async () => {
    const guest = await relay({
      capabilities: ["proxy_get_buffer_bytes"],
      vmConfiguration: "v",
      start: ["_initialize"],
      during: { _initialize: (guest) => guest.call("emscripten_notify_memory_growth", 0) },
    });
    expect(guest.call("proxy_get_buffer_bytes", 6, 0, -1, 100, 104)).toBe(Status.Ok);
    expect([guest.call("pthread_equal", 7, 7), guest.call("pthread_equal", 7, -7)]).toEqual([1, 0]);
    expect(guest.plugin.logs).toEqual([]);
  });

  test("an empty list allows everything", async () => {
    const guest = await relay({ capabilities: [] });
    expect(guest.call("proxy_log", 2, 0, 0)).toBe(Status.Ok);
  });
});

describe("imports that nobody provides", () => {
  const bytes = byHand({
    imports: (writer) => writer.importFunction("env", "my_call", [], ["i32"]),
    rest: (writer) =>
      writer.export("proxy_on_configure", "function", writer.addFunction(["i32", "i32"], ["i32"], [0x10, 0])),
  });

  test("are refused unless the test says otherwise", async () => {
    await expect(loadPlugin(bytes)).rejects.toMatchObject({ code: "IMPORT_MISSING" });
  });

  test("trap when they are called, if the test wants", async () => {
    const loading = loadPlugin(bytes, { unknownImports: "trap" });
    await expect(loading).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
    await expect(loading).rejects.toThrow("env.my_call");
  });

  test("answer UNIMPLEMENTED and are reported, if the test wants", async () => {
    const plugin = await loadPlugin(bytes, { unknownImports: "unimplemented" });
    expect(plugin.diagnostics.map(({ code }) => code)).toEqual(["UNKNOWN_IMPORT_CALLED"]);
  });
});
