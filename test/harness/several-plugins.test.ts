// Several plugins in one process: proxy-wasm-abi.md §8.2 and §4.9, §4.10; envoy-behaviour.md §6.5.
import { describe, expect, test } from "vitest";
import { callbackLines, hostcallLines, probe } from "../support/probe.js";

const get = { ":authority": "example.com", ":path": "/", ":method": "GET", ":scheme": "http" };

describe("loadPlugin(…, { with })", () => {
  test("the same module, vm_id and VM configuration make one VM with several roots", async () => {
    const one = await probe("", { vmId: "v", vmConfiguration: "# c", name: "one" });
    const two = await probe("", { vmId: "v", vmConfiguration: "# c", name: "two", with: one });
    expect(two.vm).toBe(one.vm);
    expect([one.root.id, two.root.id]).toEqual([1, 2]);
    expect(callbackLines(one, "on_context_create")).toEqual([
      "on_context_create ctx=1 parent=0",
      "on_vm_start ctx=1 size=3",
      "on_configure ctx=1 size=0",
      "on_context_create ctx=2 parent=0",
      "on_vm_start ctx=2 size=3",
      "on_configure ctx=2 size=0",
    ]);
  });

  test("another vm_id or VM configuration makes a VM of its own; ids begin at 1 again", async () => {
    const one = await probe("", { vmId: "v" });
    const two = await probe("", { vmId: "w", with: one });
    const three = await probe("", { vmId: "v", vmConfiguration: "# c", with: one });
    expect(new Set([one.vm, two.vm, three.vm]).size).toBe(3);
    expect([two.root.id, three.root.id]).toEqual([1, 1]);
  });

  test("VMs of one vm_id share data; another vm_id has its own", async () => {
    const one = await probe("on_configure: sset k value 0", { vmId: "v", vmConfiguration: "# 1" });
    const two = await probe("on_configure: sget k", { vmId: "v", vmConfiguration: "# 2", with: one });
    const three = await probe("on_configure: sget k", { vmId: "w", with: one });
    expect(hostcallLines(one)).toEqual(["sset k value 0 -> 0", 'sget k -> 0 "value" cas=1', "sget k -> 1"]);
    expect([two, three].map((plugin) => plugin.logs.length)).toEqual([one.logs.length, one.logs.length]); // one log
  });

  test("a queue notifies who registered it last, once for each item, after the callback", async () => {
    const one = await probe("on_configure: qreg q\non_queue_ready: deq $token", { vmId: "v", vmConfiguration: "# 1" });
    const two = await probe('on_request_headers: qres v q; enq 1 "an item"; deq 1; enq 1 second', {
      vmId: "w",
      with: one,
    });
    two.openHttpStream().requestHeaders(get);
    expect(hostcallLines(one)).toEqual([
      "qreg q -> 0 id=1",
      "qres v q -> 0 id=1",
      'enq 1 "an item" -> 0',
      'deq 1 -> 0 "an item"',
      "enq 1 second -> 0",
      'deq 1 -> 0 "second"',
      "deq 1 -> 7",
    ]);
  });

  test("a trap takes every plugin of the VM with it, and no other", async () => {
    const one = await probe("on_request_headers: trap", { name: "one" });
    const two = await probe("", { name: "two", with: one });
    const three = await probe("", { vmId: "own", with: one });
    expect(() => one.openHttpStream().requestHeaders(get)).toThrow("Guest trapped");
    expect(two.failure).toMatchObject({ code: "GUEST_TRAPPED" });
    expect(three.failure).toBeUndefined();
    expect(three.openHttpStream().requestHeaders(get)).toBe(0);
  });

  test("shared data goes with the last VM of its vm_id", async () => {
    const keeper = await probe("", { vmId: "keeper" });
    const one = await probe("on_configure: sset k value 0", { vmId: "v", with: keeper });
    one.close();
    const two = await probe("on_configure: sget k", { vmId: "v", with: keeper });
    expect(hostcallLines(two).at(-1)).toBe("sget k -> 1");
  });

  test("one refused configuration fails the VM it was made in", async () => {
    const one = await probe("", { vmId: "a" });
    await expect(probe("on_configure: return 0", { vmId: "b", with: one })).rejects.toMatchObject({
      code: "CONFIGURE_REFUSED",
    });
    expect(one.openHttpStream().requestHeaders(get)).toBe(0);
  });
});
