// Connections and waiting on a virtual clock, against what the kernel does with real ones.
import { describe, expect, test } from "vitest";
import { Clock } from "../../../src/host/services/clock.js";
import { drive, VirtualSocket, virtualTime } from "../../../src/verify/replay/virtual-net.js";

function connected(clock = new Clock()) {
  const [a, b] = VirtualSocket.pair(clock);
  const seen: string[] = [];
  b.on("data", (bytes: Buffer) => seen.push(bytes.toString()));
  for (const event of ["end", "error", "close"]) b.on(event, () => seen.push(event));
  return { a, b, seen, clock };
}

describe("a connection", () => {
  test("what is written at one moment arrives in one piece, when the clock runs", () => {
    const { a, seen, clock } = connected();
    a.write("one");
    a.write(Buffer.from("two"));
    expect(seen).toEqual([]);
    clock.advance(0);
    expect(seen).toEqual(["onetwo"]);
  });

  test("bytes come before the end, as an event of their own", () => {
    const { a, seen, clock } = connected();
    a.write("x");
    a.destroy();
    while (clock.runNext(0)) if (seen.length === 1) expect(seen).toEqual(["x"]);
    expect(seen).toEqual(["x", "end"]);
  });

  test("after a FIN the other way stays open", () => {
    const { a, b, clock } = connected();
    const answers: string[] = [];
    a.on("data", (bytes: Buffer) => answers.push(bytes.toString()));
    a.end();
    clock.advance(0);
    b.write("answer");
    clock.advance(0);
    expect([a.writable, answers]).toEqual([false, ["answer"]]);
  });

  test("a reset is an error for the other end, which cannot write any more", () => {
    const { a, b, seen, clock } = connected();
    a.resetAndDestroy();
    clock.advance(0);
    expect([seen, b.writable]).toEqual([["error", "close"], false]);
  });

  test("who writes to an end that is gone is reset", () => {
    const { a, b, clock } = connected();
    a.destroy();
    clock.advance(0);
    b.write("x");
    clock.advance(0);
    expect(b.writable).toBe(false);
  });
});

describe("waiting", () => {
  test("five minutes pass at once", async () => {
    const clock = new Clock();
    await drive(clock, virtualTime(clock).pause(300_000));
    expect(clock.elapsedNs).toBe(300_000 * 1e6);
  });

  test("a signal ends it, and what was to run can be cancelled", async () => {
    const clock = new Clock();
    const time = virtualTime(clock);
    const over = new AbortController();
    let ran = false;
    const cancel = time.after(1, () => (ran = true));
    time.after(2, () => over.abort());
    cancel();
    await drive(clock, time.pause(1000, over.signal));
    expect([clock.elapsedNs, ran]).toEqual([2e6, false]);
  });

  test("waiting for what cannot happen is an error", async () => {
    const never = new Promise<void>(() => undefined);
    await expect(drive(new Clock(), never)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  test("the work's own error is thrown", async () => {
    await expect(drive(new Clock(), Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  });
});
