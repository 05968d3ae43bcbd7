// Plugins that are bad in every way there is: each ends the run with a finding that says how, never with a crash of ours.
import { parse } from "@bytecodealliance/jco";
import { expect, test } from "vitest";
import { fuzz } from "../../src/fuzz/index.js";

const plugin = (body: string): Promise<Uint8Array> =>
  parse(`(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 20)
  (global $count (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  ${body})`);

const onRequest = (body: string): string =>
  `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body} i32.const 0)`;

const refuses = '(func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 0)';
const hangsAtStart =
  '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (loop $again (br $again)) i32.const 1)';
const forever = "(loop $again (br $again))";
const growsNowAndThen = `(global.set $count (i32.add (global.get $count) (i32.const 1)))
  (if (i32.eqz (i32.and (global.get $count) (i32.const 15))) (then (drop (memory.grow (i32.const 1)))))`;
const growsAtOnce = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable";
const aMegabyte = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 1200000)))";

test.each([
  ["traps on the first request", onRequest("unreachable"), "no-trap", /Guest trapped in proxy_on_request_headers/],
  ["hangs", onRequest(forever), "no-hang", /stopped/],
  ["grows with every sixteenth request", onRequest(growsNowAndThen), "memory-bounded", /memory grew by \d+ bytes/],
  ["takes all memory at once", onRequest(growsAtOnce), "no-trap", /Guest trapped in proxy_on_request_headers/],
  ["logs a megabyte for each request", onRequest(aMegabyte), "log-bounded", /one exchange logged 1200000 bytes/],
  ["refuses its configuration", refuses, "starts", /Plugin refused its configuration/],
  [
    "traps when it starts",
    '(func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)',
    "starts",
    /trapped/,
  ],
  ["hangs when it starts", hangsAtStart, "starts", /proxy_on_vm_start/],
])("a plugin that %s", async (_, body, property, message) => {
  const budgetMs = property === "no-hang" ? 100 : 500;
  const module = await plugin(body);
  const { findings, ended } = await fuzz({ module, maxFailures: 1, runs: 3000, timeMs: 8_000, budgetMs });
  expect(findings).toEqual([expect.objectContaining({ property, message: expect.stringMatching(message) })]);
  expect(ended).toBe("failures");
  const again = await fuzz({ module, path: findings[0]!.path, budgetMs });
  expect(again.findings).toMatchObject([{ property }]);
});
