import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { bytesOf } from "../../../src/abi/bytes.js";
import type { ForeignFunction } from "../../../src/host/foreign-function.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held } from "../support.js";

const seenContexts: number[] = [];
const foreignFunctions: Record<string, ForeignFunction> = {
  echo: (args) => args,
  refuse: () => Status.BadArgument,
  both: () => ({ status: Status.SerializationFailure, result: bytesOf("why") }),
  nothing: () => Status.Ok,
  context: (_, context) => {
    seenContexts.push(context.id);
    return Status.Ok;
  },
};

const load = (): Promise<RelayGuest> => relay({ foreignFunctions });
function callForeign(guest: RelayGuest, name: string, args: string, toPointer = 100, toSize = 104): number {
  const size = guest.write(0, name);
  return guest.call("proxy_call_foreign_function", 0, size, 50, guest.write(50, args), toPointer, toSize);
}

describe("proxy_call_foreign_function (v0.2.1 #proxy_call_foreign_function)", () => {
  test("hands the arguments over and the result back", async () => {
    const guest = await load();
    expect(callForeign(guest, "echo", "a\0b")).toBe(Status.Ok);
    expect(guest.text(guest.u32(100), guest.u32(104))).toBe("a\0b");
  });

  test("an unknown name is NOT_FOUND, the outputs untouched", async () => {
    const guest = await load();
    expect(callForeign(guest, "unknown", "")).toBe(Status.NotFound);
    expect(guest.text(100, 8)).toBe("????????");
  });

  test.each([
    { claim: "a status alone", name: "refuse", status: Status.BadArgument, result: "" },
    { claim: "a status and a result", name: "both", status: Status.SerializationFailure, result: "why" },
    { claim: "OK and no result", name: "nothing", status: Status.Ok, result: "" },
  ])("$claim: the outputs are written", async ({ name, status, result }) => {
    const guest = await load();
    expect(callForeign(guest, name, "")).toBe(status);
    expect(guest.text(guest.u32(100), guest.u32(104))).toBe(result);
    if (result === "") expect([guest.u32(100), guest.u32(104)]).toEqual([0, 0]);
  });

  test("an empty result does not call the allocator", async () => {
    const guest = await load();
    const heap = guest.heap;
    callForeign(guest, "echo", "");
    expect(guest.heap).toBe(heap);
  });

  test.each([
    { claim: "neither is wanted", toPointer: 0, toSize: 0 },
    { claim: "the pointer is not wanted", toPointer: 0, toSize: 104 },
    { claim: "the size is not wanted", toPointer: 100, toSize: 0 },
  ])("$claim: nothing is written at 0", async ({ toPointer, toSize }) => {
    const guest = await load();
    expect(callForeign(guest, "echo", "abc", toPointer, toSize)).toBe(Status.Ok);
    expect(guest.text(0, 4)).toBe("echo");
    expect(guest.text(100, 4) === "????").toBe(toPointer === 0);
    expect(guest.text(104, 4) === "????").toBe(toSize === 0);
  });

  test.each([
    { claim: "a bad pointer", toPointer: end, toSize: 104 },
    { claim: "a bad size pointer", toPointer: 100, toSize: end },
    { claim: "a bad pointer when there is no result", toPointer: end, toSize: 0, name: "nothing" },
  ])("$claim is INVALID_MEMORY_ACCESS", async ({ toPointer, toSize, name = "echo" }) => {
    const guest = await load();
    expect(callForeign(guest, name, "x", toPointer, toSize)).toBe(Status.InvalidMemoryAccess);
  });

  test("the ranges are looked at before the name", async () => {
    const guest = await load();
    const size = guest.write(0, "unknown");
    const status = guest.call("proxy_call_foreign_function", 0, size, end, 1, 100, 104);
    expect(status).toBe(Status.InvalidMemoryAccess);
  });

  test("the function learns of the effective context", async () => {
    const { guest, context } = await held({ foreignFunctions });
    seenContexts.length = 0;
    guest.inside(() => {
      callForeign(guest, "context", "");
      guest.call("proxy_set_effective_context", context.id);
      callForeign(guest, "context", "");
    });
    expect(seenContexts).toEqual([1, context.id]);
  });
});
