import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held } from "../support.js";

function register(guest: RelayGuest, name: string): number {
  expect(guest.call("proxy_register_shared_queue", 0, guest.write(0, name), 100)).toBe(Status.Ok);
  return guest.u32(100);
}
/** The token, or minus the status. */
function resolve(guest: RelayGuest, vmId: string, name: string): number {
  const status = guest.call("proxy_resolve_shared_queue", 0, guest.write(0, vmId), 50, guest.write(50, name), 100);
  return status === Status.Ok ? guest.u32(100) : -status;
}
function enqueue(guest: RelayGuest, queue: number, item: string): number {
  return guest.call("proxy_enqueue_shared_queue", queue, 0, guest.write(0, item));
}
/** The item, or the status that says why there is none. */
function dequeue(guest: RelayGuest, queue: number): string | number {
  const status = guest.call("proxy_dequeue_shared_queue", queue, 100, 104);
  return status === Status.Ok ? guest.text(guest.u32(100), guest.u32(104)) : status;
}
const ready = (guest: RelayGuest): string[] => guest.callbacks.filter((one) => one.startsWith("proxy_on_queue_ready"));

describe("proxy_register_shared_queue (v0.2.1 #shared-queue)", () => {
  test("tokens count up from 1, and a name has always the same", async () => {
    const guest = await relay();
    expect([register(guest, "a"), register(guest, "b"), register(guest, "a"), register(guest, "")]).toEqual([
      1, 2, 1, 3,
    ]);
  });

  test("opening it again keeps what is in it", async () => {
    const guest = await relay();
    enqueue(guest, register(guest, "a"), "item");
    expect(dequeue(guest, register(guest, "a"))).toBe("item");
  });

  test("a bad output is noticed when the queue is made", async () => {
    const guest = await relay();
    expect(guest.call("proxy_register_shared_queue", 0, guest.write(0, "a"), end)).toBe(Status.InvalidMemoryAccess);
    expect(resolve(guest, "", "a")).toBe(1);
  });
});

describe("proxy_resolve_shared_queue (v0.2.1 #shared-queue)", () => {
  test("an unknown queue is NOT_FOUND, the token untouched", async () => {
    const guest = await relay();
    expect(guest.call("proxy_resolve_shared_queue", 0, 0, 0, 1, 100)).toBe(Status.NotFound);
    expect(guest.text(100, 4)).toBe("????");
  });

  test("an empty vm_id means one's own", async () => {
    const guest = await relay({ vmId: "v" });
    const queue = register(guest, "a");
    expect([resolve(guest, "", "a"), resolve(guest, "v", "a"), resolve(guest, "w", "a")]).toEqual([
      queue,
      queue,
      -Status.NotFound,
    ]);
  });
});

describe("proxy_enqueue_shared_queue and proxy_dequeue_shared_queue (v0.2.1 #shared-queue)", () => {
  test.each([0, 2, -1])("queue %i does not exist", async (queue) => {
    const guest = await relay();
    register(guest, "a");
    expect([enqueue(guest, queue, "x"), dequeue(guest, queue)]).toEqual([Status.NotFound, Status.NotFound]);
  });

  test("first in, first out, then EMPTY with outputs untouched", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "1");
    enqueue(guest, queue, "");
    enqueue(guest, queue, "3");
    expect([dequeue(guest, queue), dequeue(guest, queue), dequeue(guest, queue)]).toEqual(["1", "", "3"]);
    guest.wipe();
    expect(dequeue(guest, queue)).toBe(Status.Empty);
    expect(guest.text(100, 8)).toBe("????????");
  });

  test("an empty item is OK with pointer 0 and size 0", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "");
    dequeue(guest, queue);
    expect([guest.u32(100), guest.u32(104)]).toEqual([0, 0]);
  });

  test("an item that cannot be handed over is lost", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "x");
    expect(guest.call("proxy_dequeue_shared_queue", queue, end, 104)).toBe(Status.InvalidMemoryAccess);
    expect(dequeue(guest, queue)).toBe(Status.Empty);
  });
});

describe("proxy_on_queue_ready", () => {
  test("comes once for each item, never at once, also within one VM", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "1");
    enqueue(guest, queue, "2");
    expect(ready(guest)).toEqual([]);
    guest.plugin.clock.advance(0);
    expect(ready(guest)).toEqual(["proxy_on_queue_ready(1, 1)", "proxy_on_queue_ready(1, 1)"]);
  });

  test("comes even if the item was taken meanwhile", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "1");
    dequeue(guest, queue);
    const seen = guest.during("proxy_on_queue_ready", () => dequeue(guest, queue));
    guest.plugin.clock.advance(0);
    expect(seen).toEqual([Status.Empty]);
  });

  test("from a stream, the root is the owner", async () => {
    const { guest, call } = await held();
    call("proxy_register_shared_queue", 0, 1, 100);
    call("proxy_enqueue_shared_queue", guest.u32(100), 0, 1);
    guest.plugin.clock.advance(0);
    expect(ready(guest)).toEqual(["proxy_on_queue_ready(1, 1)"]);
  });

  test("goes to who registered last, in another VM too", async () => {
    const one = await relay({ vmId: "v" });
    const two = await relay({ vmId: "v", beside: one });
    const queue = register(one, "a");
    expect(register(two, "a")).toBe(queue);
    enqueue(one, queue, "for two");
    one.plugin.clock.advance(0);
    expect([ready(one), ready(two)]).toEqual([[], ["proxy_on_queue_ready(1, 1)"]]);
    expect(dequeue(two, queue)).toBe("for two");
  });

  test("goes to who registered last, another plugin of the same VM too", async () => {
    const guest = await relay({ vmId: "v" });
    const second = guest.addPlugin({ name: "second" });
    const queue = register(guest, "a");
    guest.inside(() => guest.call("proxy_register_shared_queue", 0, 1, 100), second.root);
    enqueue(guest, queue, "x");
    guest.plugin.clock.advance(0);
    expect(ready(guest)).toEqual(["proxy_on_queue_ready(2, 1)"]);
  });

  test("a queue of another vm_id can be resolved, filled and emptied", async () => {
    const one = await relay({ vmId: "one" });
    const two = await relay({ vmId: "two", beside: one });
    const queue = register(one, "a");
    expect(resolve(two, "one", "a")).toBe(queue);
    expect(enqueue(two, queue, "x")).toBe(Status.Ok);
    one.plugin.clock.advance(0);
    expect([ready(one), ready(two)]).toEqual([["proxy_on_queue_ready(1, 1)"], []]);
    expect(dequeue(two, queue)).toBe("x");
  });

  test("does not enter a VM that has failed", async () => {
    const guest = await relay();
    const queue = register(guest, "a");
    enqueue(guest, queue, "x");
    expect(() => guest.inside(() => guest.trap())).toThrow();
    guest.plugin.clock.advance(0);
    expect(ready(guest)).toEqual([]);
  });

  test("queues go with the last VM of their vm_id; tokens are not used again", async () => {
    const one = await relay({ vmId: "v" });
    const other = await relay({ beside: one });
    const queue = register(one, "a");
    enqueue(one, queue, "x");
    one.close();
    expect([resolve(other, "v", "a"), dequeue(other, queue)]).toEqual([-Status.NotFound, Status.NotFound]);
    expect(register(other, "b")).toBe(queue + 1);
  });
});
