// Lines as Envoy 1.40.0 writes them at level trace of the logger wasm.
import { describe, expect, test } from "vitest";
import type { LogLine } from "../../src/verify/envoy/recording.js";
import { parseTrace } from "../../src/verify/envoy/trace.js";

const trace = (message: string): LogLine => ({ level: "trace", logger: "wasm", message });
const guest: LogLine = { level: "info", prefix: "p r", message: "hello" };

describe("parseTrace()", () => {
  test("hostcalls stand inside the callback that made them, allocations inside the hostcall", () => {
    expect(
      parseTrace([
        trace("[host->vm] proxy_on_request_headers(2, 6, 1)"),
        trace("[vm->host] env.proxy_get_header_map_value(0, 1024, 5, 2048, 2052)"),
        trace("[host->vm] proxy_on_memory_allocate(1)"),
        trace("[host<-vm] proxy_on_memory_allocate return: 839232"),
        trace("[vm<-host] env.proxy_get_header_map_value return: 0"),
        trace("[vm->host] env.proxy_log(2, 839232, 15)"),
        guest,
        trace("[vm<-host] env.proxy_log return: 0"),
        trace("[vm->host] env.proxy_increment_metric(4, 18446744073709551613)"),
        trace("[vm<-host] env.proxy_increment_metric return: 2"),
        trace("[vm->host] wasi_snapshot_preview1.clock_time_get(0, 1, 2048)"),
        trace("[vm<-host] wasi_snapshot_preview1.clock_time_get return: 0"),
        trace("[host<-vm] proxy_on_request_headers return: 0"),
        { level: "debug", logger: "wasm", message: "Thread-Local Wasm created 2 now active" },
        trace("[host->vm] proxy_on_delete(2)"),
        trace("[host<-vm] proxy_on_delete return: void"),
      ]),
    ).toEqual([
      {
        kind: "callback",
        name: "proxy_on_request_headers",
        args: [2, 6, 1],
        result: 0,
        inner: [
          {
            kind: "hostcall",
            name: "proxy_get_header_map_value",
            args: [0, 1024, 5, 2048, 2052],
            result: 0,
            inner: [{ kind: "callback", name: "proxy_on_memory_allocate", args: [1], result: 839232 }],
          },
          {
            kind: "hostcall",
            name: "proxy_log",
            args: [2, 839232, 15],
            result: 0,
            inner: [{ kind: "log", line: guest }],
          },
          { kind: "hostcall", name: "proxy_increment_metric", args: [4, "18446744073709551613"], result: 2 },
          { kind: "hostcall", name: "wasi_snapshot_preview1.clock_time_get", args: [0, 1, 2048], result: 0 },
        ],
      },
      { kind: "callback", name: "proxy_on_delete", args: [2], result: "void" },
    ]);
  });

  test("a trap ends the callback and all inside it without a result; what follows stands beside it", () => {
    const failed: LogLine = {
      level: "error",
      logger: "wasm",
      message: "Function: proxy_on_tick failed: Uncaught RuntimeError: unreachable",
    };
    expect(
      parseTrace([
        trace("[host->vm] proxy_on_tick(1)"),
        trace("[vm->host] env.proxy_done()"),
        failed,
        trace("[host->vm] proxy_on_log(2)"),
        trace("[host<-vm] proxy_on_log return: void"),
      ]),
    ).toEqual([
      {
        kind: "callback",
        name: "proxy_on_tick",
        args: [1],
        inner: [{ kind: "hostcall", name: "proxy_done", args: [], inner: [{ kind: "log", line: failed }] }],
      },
      { kind: "callback", name: "proxy_on_log", args: [2], result: "void" },
    ]);
  });
});
