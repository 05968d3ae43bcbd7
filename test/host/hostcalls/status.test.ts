import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held, request } from "../support.js";

function status(guest: RelayGuest): readonly [code: number, message: string] {
  expect(guest.call("proxy_get_status", 100, 104, 108)).toBe(Status.Ok);
  return [guest.u32(100), guest.text(guest.u32(104), guest.u32(108))];
}
const start = (guest: RelayGuest): number =>
  guest.call("proxy_http_call", 0, 1, 200, guest.write(200, Object.entries(request)), 0, 0, 0, 0, 0, 150);

describe("proxy_get_status (v0.2.1 #proxy_get_status)", () => {
  test("is 0 and empty before any call: pointer 0, size 0", async () => {
    const guest = await relay();
    expect(status(guest)).toEqual([0, ""]);
    expect([guest.u32(104), guest.u32(108)]).toEqual([0, 0]);
  });

  test("the code of a failed call outlives its callback, the message does not", async () => {
    const guest = await relay();
    start(guest);
    const seen = guest.during("proxy_on_http_call_response", () => status(guest));
    guest.plugin.calls[0]!.fail();
    expect(seen).toEqual([[11, "reset"]]);
    expect(status(guest)).toEqual([11, ""]);
  });

  test("a success leaves the code as it was", async () => {
    const guest = await relay();
    start(guest);
    start(guest);
    guest.plugin.calls[0]!.fail();
    const seen = guest.during("proxy_on_http_call_response", () => status(guest));
    guest.plugin.calls[1]!.respond();
    expect(seen).toEqual([[11, ""]]);
  });

  test("a stream reads the root's", async () => {
    const { guest, context } = await held();
    start(guest);
    guest.plugin.calls[0]!.fail();
    expect(guest.inside(() => status(guest), context)).toEqual([11, ""]);
  });

  test("the code is written before a bad message pointer is noticed", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_status", 100, end, 108)).toBe(Status.InvalidMemoryAccess);
    expect(guest.u32(100)).toBe(0);
    guest.wipe();
    expect(guest.call("proxy_get_status", end, 104, 108)).toBe(Status.InvalidMemoryAccess);
    expect(guest.text(104, 8)).toBe("????????");
  });
});
